// Files that wait to be merged slow writers, and stop them; hours; and merges that failed.
#include "granary/runtime/memory_budget.h"
#include "granary/storage/source/store_compact_test_support.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/faulty_file_system.h"

namespace granary::storage {
namespace {

using std::chrono::milliseconds;

class StoreDebtTest : public StoreCompactTest {
 protected:
  StoreDebtTest() {
    options_.compaction.automatic = true;
    options_.compaction.files_due = 1'000'000;
    options_.compaction.memory_bytes = 8 << 20;
    options_.compaction.debt = {.slow_files = 5, .stop_files = 10, .delay_max = milliseconds(1)};
    options_.hot_wait_max = milliseconds(1);
  }
  ~StoreDebtTest() override { store_.reset(); }

  StoreDeps Deps() override {
    return {faulty_, time_, failpoints_, Logger::Null(), pool_, &budget_};
  }

  static constexpr int kNoDebt = 24;  // Small files that a partition may have.

  static DebtCounts CountsOf(const std::shared_ptr<Source>& source) {
    return Live(source).debt().counts(0);
  }
  static bool ComesToOwe(const std::shared_ptr<Source>& source, std::uint64_t files) {
    return Eventually([&] { return CountsOf(source).debt.files == files; });
  }
  // No merge starts.
  void HoldMergeMemory() {
    const std::uint64_t left = options_.compaction.memory_bytes / 2;
    ASSERT_EQ(held_.GrowTo(budget_.limit() - budget_.reserved() - left), nullptr);
  }
  bool LastJobFailed(std::size_t jobs) const {
    const auto all = store_->Jobs();
    return all.size() >= jobs && all.back().state == JobState::kFailed;
  }
  void AdvanceMinutes(std::int64_t minutes) { time_.AdvanceMicros(minutes * 60'000'000); }

  testing::FakeClock time_;  // Midnight.
  testing::FaultyFileSystem faulty_{files_};
  runtime::MemoryBudget budget_{"tenant", 64 << 20};
  runtime::MemoryReservation held_{&budget_};
};

TEST_F(StoreDebtTest, WritersAreSlowedThenRefusedAndComeBackOnceFilesAreMerged) {
  Open();
  const auto source = Add(TestDefinition("s"));
  HoldMergeMemory();
  WriteFiles(*source, kNoDebt + 4);
  ASSERT_TRUE(ComesToOwe(source, 4));
  EXPECT_EQ(CountsOf(source).delay.count(), 0);
  WriteFiles(*source, 1);
  ASSERT_TRUE(ComesToOwe(source, 5));
  EXPECT_GT(CountsOf(source).delay.count(), 0);
  EXPECT_EQ(CountsOf(source).slowed, 0u);
  WriteFiles(*source, 4);
  ASSERT_TRUE(ComesToOwe(source, 9));
  EXPECT_GT(CountsOf(source).slowed, 0u);
  EXPECT_EQ(CountsOf(source).delay, milliseconds(1));
  WriteFiles(*source, 1);
  ASSERT_TRUE(ComesToOwe(source, 10));

  const auto refused = WriteRows(*source, {Row(200'000)});
  EXPECT_EQ(refused.status().code(), Code::kOverloaded);
  EXPECT_NE(refused.status().message().find("source \"s\": 10 files of 1 partitions"),
            std::string::npos)
      << refused.status().ToString();
  EXPECT_EQ(source->StartBulk().status().code(), Code::kOverloaded);
  EXPECT_EQ(store_->compaction_totals().writes_refused, 2u);
  EXPECT_EQ(store_->compaction_totals().debt_files, 10u);
  const TestRows before = RowsOf(source->Snapshot());  // Who reads is not touched.
  EXPECT_EQ(before.size(), 34u);
  EXPECT_TRUE(Live(source).PlanCompaction(CompactionWish::kAll).writers.starts_with("refused: 10"));

  held_.ShrinkTo(0);
  CompactWell("s");
  ASSERT_TRUE(ComesToOwe(source, 0));
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  EXPECT_TRUE(Live(source).PlanCompaction(CompactionWish::kAll).writers.starts_with("free: 0"));
  Write(*source, {Row(200'000)});
}

TEST_F(StoreDebtTest, OutsideOfTheHoursOnlyDebtIsMerged) {
  options_.compaction.hours = *DailyWindow::Parse("12:00-13:00");
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, kNoDebt + 4);
  ASSERT_TRUE(ComesToOwe(source, 4));
  EXPECT_TRUE(Live(source).PlanCompaction(CompactionWish::kAll).hours.starts_with("later"));
  AdvanceMinutes(120);  // Due, if it were noon.
  ASSERT_TRUE(store_->Jobs().empty());
  WriteFiles(*source, 1);
  EXPECT_TRUE(Eventually([&] { return source->Stats().segments <= kNoDebt; }));
  EXPECT_EQ(store_->Jobs().size(), 1u);
}

TEST_F(StoreDebtTest, WithinTheHoursTheIntervalCountsAndWhoAsksNeedNotWaitForThem) {
  options_.compaction.hours = *DailyWindow::Parse("01:30-03:00");
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  AdvanceMinutes(89);
  CompactWell("s");
  EXPECT_EQ(source->Stats().segments, 1u);
  WriteFiles(*source, 4);
  EXPECT_EQ(store_->Jobs().size(), 1u);
  AdvanceMinutes(2);
  EXPECT_TRUE(Live(source).PlanCompaction(CompactionWish::kAll).hours.starts_with("now"));
  EXPECT_TRUE(Eventually([&] { return source->Stats().segments < 5; }));
}

TEST_F(StoreDebtTest, NobodyIsHeldToADebtThatNobodyMerges) {
  options_.compaction.automatic = false;
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, kNoDebt + 20);
  const CompactionPlan plan = Live(source).PlanCompaction(CompactionWish::kWhatPays);
  EXPECT_EQ(plan.debt.files, 20u);
  EXPECT_NE(plan.writers.find("nobody is slowed"), std::string::npos);
  Write(*source, {Row(100'000)});
}

// Nothing is lost, and once there is room it is tried again by itself.
TEST_F(StoreDebtTest, AFullDiskEndsAMergeThatIsTriedAgainLater) {
  options_.compaction.files_due = 4;
  Open();
  const auto source = Add(TestDefinition("s"));
  HoldMergeMemory();  // So that all files are there before the disk is full.
  WriteFiles(*source, 5);
  const TestRows before = RowsOf(source->Snapshot());
  ASSERT_TRUE(Eventually([&] { return LastJobFailed(1); }));
  const std::size_t jobs = store_->Jobs().size();
  held_.ShrinkTo(0);
  faulty_.FailChange({.nth = 1, .code = Code::kDiskFull, .and_later = true, .short_write = true});
  ASSERT_TRUE(Eventually([&] {
    AdvanceMinutes(1);
    return LastJobFailed(jobs + 1);
  }));
  EXPECT_EQ(store_->Jobs().back().failure.code(), Code::kDiskFull);
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  EXPECT_EQ(source->Stats().segments, 5u);
  faulty_.Heal();
  EXPECT_TRUE(Eventually([&] {
    AdvanceMinutes(1);
    return source->Stats().segments == 1;
  }));
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
}

}  // namespace
}  // namespace granary::storage
