// Power cuts: files live in memory and lose what was not synced, wholly or in part; the manifest
// lies on the real disk, as one that keeps what SQLite synced.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <set>

#include "granary/storage/source/store_test_support.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

constexpr int kCuts = 40;

class StorePowerTest : public StoreTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(options_.root + "/tenants/acme");
    options_.wal_lanes = 1;
    options_.wal_file_bytes = 16 << 10;
    options_.flush_rows = 10;  // Of a bulk: a set of files.
    options_.wal_retention_us = 0;
    options_.wal_retention_bytes = 0;
    options_.snapshot_retention_us = random_.OneIn(2) ? -1 : std::int64_t{1} << 40;
    Open();
    // The store looks for the manifest among its files.
    const std::string stand_in = options_.root + "/tenants/acme/manifest.db";
    ASSERT_TRUE(memory_.ReplaceFile(stand_in, "on the real disk").ok());
  }
  StoreDeps Deps() override { return {memory_, clock_, failpoints_, Logger::Null(), pool_}; }

  void Act() {
    const std::string id = fmt::format("s{}", random_.Below(2));
    const std::uint64_t dice = random_.Below(20);
    if (!expected_.contains(id)) {
      SourceDefinition definition = TestDefinition(id);
      definition.partitions = {{"part", std::nullopt}};
      Add(definition);
      expected_[id] = {};
    } else if (dice == 0) {
      ASSERT_TRUE(store_->DropSource(SourceId::Parse(id).Take(), false).ok());
      expected_.erase(id);
    } else if (dice < 4) {
      Flush(*Find(id));
    } else if (dice < 6) {
      CompactWell(id);
    } else {
      std::vector<TestRow> rows;
      for (std::uint64_t n = 1 + random_.Below(30); n > 0; --n) {
        rows.push_back(Row(next_id_++, fmt::format("p{}", random_.Below(3)),
                           std::string(random_.Below(60), 'x')));
      }
      std::uint64_t sequence =
          dice < 9 ? Bulk(*Find(id), rows) : Write(*Find(id), rows).first_sequence;
      for (const TestRow& row : rows) expected_[id].emplace(sequence++, row);
    }
  }
  static std::uint64_t Bulk(Source& source, const std::vector<TestRow>& rows) {
    auto bulk = source.StartBulk();
    EXPECT_TRUE(bulk.ok()) << bulk.status().ToString();
    const SchemaPtr schema = source.schema();
    for (const TestRow& row : rows) {
      const Status appended = (*bulk)->Append(schema, TestBatch(*schema, {row}));
      EXPECT_TRUE(appended.ok()) << appended.ToString();
    }
    const auto outcome = (*bulk)->Commit();
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    return outcome.ok() ? outcome->first_sequence : 0;
  }
  // Nothing was under way at a cut, so exactly what was acknowledged is there.
  void Check() {
    EXPECT_EQ(store_->List().size(), expected_.size());
    for (const auto& [id, rows] : expected_) EXPECT_EQ(RowsOf(Find(id)->Snapshot()), rows) << id;
  }

  testing::MemoryFileSystem memory_;
  testing::FakeRandom random_{testing::SeedFromEnvironment()};
  std::map<std::string, TestRows> expected_;
  std::int64_t next_id_ = 1;
};

TEST_F(StorePowerTest, KeepsExactlyWhatWasAcknowledged) {
  for (int cut = 0; cut < kCuts && !HasFailure(); ++cut) {
    for (std::uint64_t n = random_.Below(12); n > 0; --n) Act();
    if (random_.OneIn(2))
      memory_.PowerCut();
    else
      memory_.PowerCut(random_.Next64());
    Open();
    Check();
  }
}

// A source whose writes are answered before the disk has them ("late"), and one whose writes are
// not ("safe"), in one lane. Time is the test's.
class StorePowerIntervalTest : public StorePowerTest {
 protected:
  static constexpr std::int64_t kIntervalUs = 1000;

  ~StorePowerIntervalTest() override { store_.reset(); }  // Before its clock.
  void SetUp() override {
    options_.durability_interval_us = kIntervalUs;
    StorePowerTest::SetUp();
    SourceDefinition late = TestDefinition("late");
    late.durability = Durability::kInterval;
    Add(late);
    Add(TestDefinition("safe"));
  }
  StoreDeps Deps() override { return {memory_, time_, failpoints_, Logger::Null(), pool_}; }

  std::vector<TestRow> SomeRows() {
    std::vector<TestRow> rows;
    for (std::uint64_t n = 1 + random_.Below(20); n > 0; --n)
      rows.push_back(Row(next_id_++, "p", std::string(random_.Below(60), 'x')));
    return rows;
  }
  static void Keep(TestRows& rows, const std::vector<TestRow>& added, std::uint64_t sequence) {
    for (const TestRow& row : added) rows.emplace(sequence++, row);
  }
  void SecureAll() {
    secure_ = late_.size();
    unsynced_.clear();
  }

  void WriteLate() {
    const std::vector<TestRow> rows = SomeRows();
    const WriteOutcome outcome = Write(*Find("late"), rows);
    EXPECT_FALSE(outcome.durable);
    Keep(late_, rows, outcome.first_sequence);
    ends_.insert(late_.size());
    unsynced_.push_back({NowMicros(), store_->wal_stats()[0].frames, late_.size()});
  }
  void WriteSafe() {
    const std::vector<TestRow> rows = SomeRows();
    const WriteOutcome outcome = Write(*Find("safe"), rows);
    EXPECT_TRUE(outcome.durable);
    Keep(safe_, rows, outcome.first_sequence);
    SecureAll();
  }
  void BulkLate() {
    const std::vector<TestRow> rows = SomeRows();
    Keep(late_, rows, Bulk(*Find("late"), rows));
    ends_.insert(late_.size());
    SecureAll();
  }
  void ChangeLate() {
    SourceChange change;
    change.name = fmt::format("late {}", next_id_++);
    ASSERT_TRUE(Find("late")->Change(change).ok());
    SecureAll();
  }
  void FlushLate() {
    Flush(*Find("late"));
    secure_ = late_.size();
  }
  void LetTimePass() {
    time_.AdvanceMicros(static_cast<std::int64_t>(random_.Below(kIntervalUs)));
    while (!unsynced_.empty() && NowMicros() - unsynced_.front().at_us >= kIntervalUs) {
      const LateWrite& write = unsynced_.front();
      ASSERT_TRUE(Eventually([&] { return store_->wal_stats()[0].synced_frames >= write.frames; }))
          << "written " << NowMicros() - write.at_us << " us ago and not synced";
      secure_ = std::max(secure_, write.rows);
      unsynced_.pop_front();
    }
  }
  std::int64_t NowMicros() const { return time_.MonotonicNanos() / 1000; }

  void ActOnce() {
    const std::uint64_t dice = random_.Below(16);
    if (dice < 7) return WriteLate();
    if (dice < 8) return WriteSafe();
    if (dice < 9) return BulkLate();
    if (dice < 10) return FlushLate();
    if (dice < 11) return ChangeLate();
    LetTimePass();
  }

  // What is there of "late" is whole batches from its beginning, with all that had to be there.
  void CheckAndGoOn() {
    EXPECT_EQ(RowsOf(Find("safe")->Snapshot()), safe_);
    const TestRows there = RowsOf(Find("late")->Snapshot());
    ASSERT_GE(there.size(), secure_);
    ASSERT_LE(there.size(), late_.size());
    EXPECT_TRUE(std::equal(there.begin(), there.end(), late_.begin())) << "no prefix";
    EXPECT_TRUE(there.empty() || ends_.contains(there.size())) << "a batch is there in part";
    lost_ += late_.size() - there.size();
    ends_.erase(ends_.upper_bound(there.size()), ends_.end());
    late_ = there;
    SecureAll();
  }

  testing::FakeClock time_;
  TestRows late_, safe_;
  std::set<std::size_t> ends_;  // How many rows of "late" there were behind each of its batches.
  std::size_t secure_ = 0;      // Rows of "late" that must be there after a cut.
  /// What was acknowledged and may not be on the disk yet, the oldest first.
  struct LateWrite {
    std::int64_t at_us = 0;
    std::uint64_t frames = 0;  ///< Of the log, up to its own.
    std::size_t rows = 0;      ///< Of "late", up to its own.
  };
  std::deque<LateWrite> unsynced_;
  std::size_t lost_ = 0;
};

TEST_F(StorePowerIntervalTest, LosesNoMoreThanTheNewestWritesOfAnInterval) {
  for (int cut = 0; cut < kCuts && !HasFailure(); ++cut) {
    for (std::uint64_t n = random_.Below(16); n > 0; --n) ActOnce();
    if (random_.OneIn(2))
      memory_.PowerCut();
    else
      memory_.PowerCut(random_.Next64());
    Open();
    CheckAndGoOn();
  }
  EXPECT_GT(lost_, 0u) << "the test cut nothing off";
}

TEST_F(StorePowerIntervalTest, ACleanStopAndASwitchToSyncLoseNothing) {
  WriteLate();
  ASSERT_TRUE(store_->Close().ok());
  SecureAll();
  memory_.PowerCut();
  Open();
  CheckAndGoOn();
  WriteLate();
  SourceChange change;
  change.durability = Durability::kSync;
  ASSERT_TRUE(Find("late")->Change(change).ok());
  SecureAll();
  memory_.PowerCut();
  Open();
  CheckAndGoOn();
  EXPECT_EQ(lost_, 0u);
  EXPECT_TRUE(Write(*Find("late"), {Row(next_id_++)}).durable);
}

}  // namespace
}  // namespace granary::storage
