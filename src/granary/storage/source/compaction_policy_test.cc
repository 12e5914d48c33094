#include "granary/storage/source/compaction_policy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "granary/testing/fake_random.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

constexpr std::uint64_t kMega = 1u << 20;
constexpr std::int64_t kHour = 3600ll * 1'000'000;
constexpr std::int64_t kNow = 100 * kHour;

class CompactionPolicyTest : public ::testing::Test {
 protected:
  CompactionFile& Add(double megabytes, std::string partition = "") {
    CompactionFile& file = files_.emplace_back();
    file.id = SegmentId{files_.size()};
    file.partition = std::move(partition);
    file.bytes = static_cast<std::uint64_t>(megabytes * static_cast<double>(kMega));
    file.rows = 1000;
    file.created_us = kNow;
    return file;
  }
  CompactionPlan Pick(CompactionWish wish = CompactionWish::kWhatPays) const {
    return PickCompactions(files_, limits_, kNow, wish);
  }
  std::vector<std::uint64_t> Chosen(CompactionWish wish = CompactionWish::kWhatPays) const {
    const CompactionPlan plan = Pick(wish);
    std::vector<std::uint64_t> ids;
    if (plan.choices.empty()) return ids;
    for (const SegmentId id : plan.choices.front().inputs) ids.push_back(id.value);
    return ids;
  }
  using Ids = std::vector<std::uint64_t>;

  std::vector<CompactionFile> files_;
  CompactionLimits limits_;
};

TEST_F(CompactionPolicyTest, LeavesWhatIsWholeOrAlone) {
  EXPECT_TRUE(Pick().choices.empty());
  Add(256);
  Add(60);
  Add(1);
  const CompactionPlan plan = Pick();
  EXPECT_TRUE(plan.choices.empty());
  ASSERT_EQ(plan.rest.size(), 3u);
  EXPECT_EQ(plan.rest[0].reason, "whole");
  EXPECT_EQ(plan.rest[1].reason, "not smaller than 50.0 MB");
  EXPECT_EQ(plan.rest[2].reason, "small, and the only one");
}

TEST_F(CompactionPolicyTest, RewritesWhatHasManyDeletedRows) {
  Add(256).deleted_rows = 199;
  EXPECT_EQ(Chosen(), Ids{}) << "less than a fifth";
  Add(300).deleted_rows = 200;
  EXPECT_EQ(Chosen(), Ids{2});
  EXPECT_EQ(Pick().choices.front().reason, "1 files of 300.0 MB with 200 deleted rows");
  EXPECT_EQ(Chosen(CompactionWish::kAll), (Ids{1, 2})) << "asked for, any deleted row counts";
}

TEST_F(CompactionPolicyTest, LetsGoOfWhatIsEmptyFirst) {
  Add(256).deleted_rows = 500;
  Add(1).deleted_rows = 1000;
  Add(300).deleted_rows = 1000;
  EXPECT_EQ(Chosen(), (Ids{3, 2}));
  EXPECT_EQ(Pick().choices.front().reason, "2 files of 301.0 MB of which all rows are deleted");
}

TEST_F(CompactionPolicyTest, MergesATierOnceItIsFourTimesItsLargest) {
  for (int i = 0; i < 3; ++i) Add(1);
  EXPECT_EQ(Chosen(), Ids{});
  Add(1);
  EXPECT_EQ(Chosen(), (Ids{1, 2, 3, 4}));
  Add(20);  // Far larger: it is not written again for their sake.
  EXPECT_EQ(Chosen(), (Ids{1, 2, 3, 4}));
  EXPECT_NE(Pick().choices[0].reason.find("4 small files of 4.0 MB"), std::string::npos);
}

TEST_F(CompactionPolicyTest, MergesAllSmallOnesThatMakeAFileThatIsNone) {
  Add(26);
  Add(23.9);
  EXPECT_EQ(Chosen(), Ids{});
  Add(0.2);
  EXPECT_EQ(Chosen(), (Ids{3, 2, 1}));
}

TEST_F(CompactionPolicyTest, TakesLessWhereNothingComesAnyMore) {
  Add(1).created_us = kNow - kHour;
  Add(1).created_us = kNow - kHour + 1;
  EXPECT_EQ(Chosen(), Ids{});
  files_[1].created_us = kNow - kHour;
  EXPECT_EQ(Chosen(), (Ids{1, 2}));
}

TEST_F(CompactionPolicyTest, TakesLessWhereThereAreMany) {
  double size = 0.001;
  limits_.small_files_max = 10;
  for (int i = 0; i < 10; ++i, size *= 1.5) Add(size);
  EXPECT_EQ(Chosen(), Ids{});
  Add(size);
  EXPECT_EQ(Chosen().size(), 11u);
}

TEST_F(CompactionPolicyTest, NeverMergesTwoPartitions) {
  for (int i = 0; i < 4; ++i) Add(1, i % 2 == 0 ? "a" : "b");
  EXPECT_EQ(Chosen(), Ids{});
  for (int i = 0; i < 4; ++i) Add(1, "b");
  const CompactionPlan plan = Pick();
  ASSERT_EQ(plan.choices.size(), 1u);
  EXPECT_EQ(plan.choices[0].partition, "b");
  EXPECT_EQ(plan.choices[0].inputs.size(), 6u);
}

TEST_F(CompactionPolicyTest, KeepsWithinTheBytesOfOneMerge) {
  limits_.inputs_bytes_max = 10 * kMega;
  for (int i = 0; i < 12; ++i) Add(1);
  EXPECT_EQ(Chosen().size(), 10u);
  limits_.inputs_bytes_max = 10 * kMega - 1;
  EXPECT_EQ(Chosen().size(), 9u);
  limits_.inputs_bytes_max = 1;
  EXPECT_EQ(Chosen().size(), 2u);
}

TEST_F(CompactionPolicyTest, AFileOfTheMostRowsIsWhole) {
  limits_.rows_max = 4000;
  for (int i = 0; i < 5; ++i) Add(1).rows = 2999;
  EXPECT_EQ(Chosen().size(), 5u);
  for (CompactionFile& file : files_) file.rows = 3000;
  EXPECT_EQ(Chosen(), Ids{});
  EXPECT_EQ(Chosen(CompactionWish::kAll), Ids{});
}

TEST_F(CompactionPolicyTest, MergesWhatOverlapsTooDeep) {
  for (int i = 0; i < 8; ++i) {
    CompactionFile& file = Add(256);
    file.low = Value(std::int64_t{i});
    file.high = Value(std::int64_t{100 + i});
  }
  limits_.inputs_bytes_max = 1ull << 40;
  EXPECT_EQ(Chosen(), Ids{});
  CompactionFile& last = Add(256);
  last.low = Value(std::int64_t{101});
  last.high = Value(std::int64_t{300});
  EXPECT_EQ(Chosen(), Ids{}) << "the first ended before it";
  last.low = Value(std::int64_t{100});
  EXPECT_EQ(Chosen().size(), 9u);
  EXPECT_NE(Pick().choices[0].reason.find("overlap"), std::string::npos);
}

TEST_F(CompactionPolicyTest, RewritesAnOlderSchemaAfterADay) {
  limits_.schema_version = 2;
  Add(256).schema_version = 1;
  Add(256).schema_version = 2;
  EXPECT_EQ(Chosen(), Ids{});
  EXPECT_EQ(Chosen(CompactionWish::kAll), Ids{1});
  files_[0].created_us = files_[1].created_us = kNow - 24 * kHour;
  EXPECT_EQ(Chosen(), Ids{1});
}

TEST_F(CompactionPolicyTest, MergesEverySmallOneByRequest) {
  Add(190);
  Add(0.001);
  EXPECT_EQ(Chosen(), Ids{});
  EXPECT_EQ(Chosen(CompactionWish::kAll), (Ids{2, 1}));
  Add(192);
  EXPECT_EQ(Chosen(CompactionWish::kAll), (Ids{2, 1}));
}

TEST_F(CompactionPolicyTest, LeavesOutWhatMayNotBeMerged) {
  for (int i = 0; i < 4; ++i) Add(1);
  files_[2].kept_out = "damaged";
  EXPECT_EQ(Chosen(), Ids{});
  const CompactionPlan plan = Pick();
  ASSERT_EQ(plan.rest.size(), 2u);
  EXPECT_EQ(plan.rest[1].reason, "damaged");
  EXPECT_EQ(plan.rest[1].files, 1u);
}

// Many flushes of a few rows, looked at every so often as the background does it.
class CompactionSimulation {
 public:
  CompactionSimulation(std::uint64_t flush_bytes, std::size_t partitions)
      : flush_bytes_(flush_bytes), partitions_(partitions) {}

  void Run(std::size_t flushes, std::size_t look_every, testing::FakeRandom& random) {
    for (std::size_t n = 1; n <= flushes; ++n, now_us_ += 1'000'000) {
      CompactionFile file;
      file.id = SegmentId{next_id_++};
      file.partition = fmt::format("p{}", random.Below(partitions_));
      file.bytes = flush_bytes_ / 2 + random.Below(flush_bytes_);
      file.created_us = now_us_;
      written_ += file.bytes;
      files_.push_back(std::move(file));
      if (n % look_every == 0) Compact();
      most_ = std::max(most_, files_.size());
    }
    for (int round = 0; round < 40; ++round, now_us_ += kHour) Compact();
  }
  double amplification() const {
    return static_cast<double>(written_ + rewritten_) / static_cast<double>(written_);
  }
  std::size_t files() const { return files_.size(); }
  std::size_t most() const { return most_; }

 private:
  void Compact() {
    for (;;) {
      const CompactionPlan plan =
          PickCompactions(files_, limits_, now_us_, CompactionWish::kWhatPays);
      if (plan.choices.empty()) return;
      for (const CompactionChoice& choice : plan.choices) Merge(choice);
    }
  }
  void Merge(const CompactionChoice& choice) {
    std::erase_if(files_, [&](const CompactionFile& file) {
      return std::find(choice.inputs.begin(), choice.inputs.end(), file.id) != choice.inputs.end();
    });
    rewritten_ += choice.bytes;
    for (std::uint64_t left = choice.bytes; left > 0;) {
      CompactionFile file;
      file.id = SegmentId{next_id_++};
      file.partition = choice.partition;
      file.bytes = std::min(left, limits_.target_bytes);
      file.created_us = now_us_;
      left -= file.bytes;
      files_.push_back(std::move(file));
    }
  }

  const std::uint64_t flush_bytes_;
  const std::size_t partitions_;
  CompactionLimits limits_;
  std::vector<CompactionFile> files_;
  std::uint64_t next_id_ = 1, written_ = 0, rewritten_ = 0;
  std::size_t most_ = 0;
  std::int64_t now_us_ = 0;
};

TEST(CompactionSimulationTest, TinyFlushesEndInAHandfulOfFiles) {
  testing::FakeRandom random(testing::SeedFromEnvironment());
  struct Case {
    std::uint64_t flush_bytes;
    std::size_t partitions, flushes, look_every;
  };
  for (const Case& c :
       {Case{2 << 10, 1, 50'000, 200}, Case{2 << 10, 1, 20'000, 1}, Case{2 << 10, 10, 50'000, 200},
        Case{1 << 20, 3, 5'000, 50}, Case{40 << 20, 1, 1'000, 5}}) {
    CompactionSimulation simulation(c.flush_bytes, c.partitions);
    simulation.Run(c.flushes, c.look_every, random);
    fmt::print(
        "{} flushes of {} KB, {} partitions, looked at every {}: {} files at the end, {} at "
        "most, written {:.2f} times\n",
        c.flushes, c.flush_bytes >> 10, c.partitions, c.look_every, simulation.files(),
        simulation.most(), simulation.amplification());
    const double tiers =
        std::log(static_cast<double>(50 * kMega) / static_cast<double>(c.flush_bytes)) /
        std::log(4.0);
    EXPECT_LE(simulation.amplification(), std::max(tiers, 0.0) + 3.0);
    const std::size_t whole = c.flush_bytes * c.flushes / (50 * kMega) + 1;
    // Each tier of sizes may have one that waits for others.
    const auto waiting = static_cast<std::size_t>(std::max(tiers + 1, 5.0));
    EXPECT_LE(simulation.files(), whole + waiting * c.partitions);
    EXPECT_LE(simulation.most(), whole + c.look_every + 30 * c.partitions);
  }
}

}  // namespace
}  // namespace granary::storage
