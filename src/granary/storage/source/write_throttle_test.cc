#include "granary/storage/source/write_throttle.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

using std::chrono::milliseconds;

constexpr DebtLimits kLimits{.slow_files = 100, .stop_files = 200, .delay_max = milliseconds(1000)};

WriteThrottle At(std::uint64_t files) { return ThrottleWrites({.files = files}, kLimits); }

TEST(WriteThrottleTest, SlowsFromTheFirstThresholdOnAndRefusesFromTheSecondOn) {
  EXPECT_TRUE(At(0).is_free());
  EXPECT_TRUE(At(99).is_free());
  EXPECT_FALSE(At(100).is_free());
  EXPECT_FALSE(At(199).refused);
  EXPECT_TRUE(At(200).refused);
  EXPECT_TRUE(At(1'000'000).refused);
  EXPECT_NE(At(150).reason.find("150 files"), std::string::npos);
}

TEST(WriteThrottleTest, TheDelayGrowsSmoothlyUpToTheMost) {
  EXPECT_LE(At(100).delay, milliseconds(1)) << "hardly felt";
  for (std::uint64_t files = 101; files < 200; ++files) {
    const auto step = At(files).delay - At(files - 1).delay;
    EXPECT_GT(step.count(), 0) << files;
    EXPECT_LT(step, milliseconds(25)) << files;
  }
  EXPECT_EQ(At(199).delay, milliseconds(1000));
}

TEST(WriteThrottleTest, LimitsThatContradictEachOtherSlowNobodyAndStillRefuse) {
  const DebtLimits crossed{.slow_files = 500, .stop_files = 200, .delay_max = milliseconds(1000)};
  EXPECT_TRUE(ThrottleWrites({.files = 199}, crossed).is_free());
  EXPECT_TRUE(ThrottleWrites({.files = 200}, crossed).refused);
  EXPECT_TRUE(ThrottleWrites({.files = 0}, {.slow_files = 0, .stop_files = 0}).refused);
}

CompactionFile File(std::uint64_t id, const std::string& partition, std::uint64_t bytes) {
  CompactionFile file;
  file.id.value = id;
  file.partition = partition;
  file.bytes = bytes;
  file.rows = 1;
  return file;
}

TEST(CompactionDebtTest, CountsSmallFilesBeyondWhatAPartitionMayHave) {
  CompactionLimits limits;
  limits.small_files_max = 3;
  std::vector<CompactionFile> files;
  for (std::uint64_t i = 0; i < 100; ++i) files.push_back(File(i, std::to_string(i), 10));
  EXPECT_EQ(DebtOf(files, limits), CompactionDebt{}) << "many partitions of one file each";
  for (std::uint64_t i = 0; i < 3; ++i) files.push_back(File(200 + i, "7", 10));
  EXPECT_EQ(DebtOf(files, limits), (CompactionDebt{.files = 1, .bytes = 40, .partitions = 1}));
  files.push_back(File(300, "7", limits.min_bytes));
  files.push_back(File(301, "7", limits.target_bytes));
  EXPECT_EQ(DebtOf(files, limits).files, 1u) << "those are not small";
  files.push_back(File(302, "7", 10));
  files.back().kept_out = "damaged: see the log";
  EXPECT_EQ(DebtOf(files, limits).files, 1u) << "that one cannot be merged";
  EXPECT_EQ(PickCompactions(files, limits, 0, CompactionWish::kAll).debt.files, 1u);
}

}  // namespace
}  // namespace granary::storage
