// Kills at failpoints, each run on a folder of its own. The whole walk is store_crash_long_test.cc.
#include "granary/storage/source/crash_test_support.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

constexpr int kKills = 25;

TEST(StoreCrashTest, RecoversFromAKillAtAnyStep) {
  testing::FakeRandom random(testing::SeedFromEnvironment());
  testing::TempDirectory directory;
  const ChildEnd whole = RunWorkload(directory.Join("whole"), "");
  const CrashLedger plan(whole.output);
  ASSERT_TRUE(plan.done()) << whole.output;
  ASSERT_GT(plan.passes().size(), 8u);
  EXPECT_EQ(RunJudge(directory.Join("whole"), whole.output, "").exit_code, 0);

  for (int run = 0; run < kKills; ++run) {
    const auto& [name, count] = plan.passes()[random.Below(plan.passes().size())];
    const auto nth = 1 + random.Below(static_cast<std::uint64_t>(count));
    const std::string where = fmt::format("{}=kill@{}", name, nth);
    const std::string root = directory.Join(fmt::format("run{}", run));
    const ChildEnd crashed = RunWorkload(root, where);
    // Passes of the background may differ by a few from run to run.
    if (!crashed.killed) {
      EXPECT_TRUE(CrashLedger(crashed.output).done()) << where << "\n" << crashed.output;
    }
    // A quarter of the recoveries are killed as well, at one of their own first steps.
    if (random.OneIn(4))
      RunJudge(root, crashed.output, fmt::format("{}=kill@{}", name, 1 + random.Below(2)));
    const ChildEnd judged = RunJudge(root, crashed.output, "");
    ASSERT_EQ(judged.exit_code, 0) << where << ": " << judged.output << crashed.output;
  }
}

TEST(StoreCrashTest, RecoversFromAKillAtEachStepOfACompaction) {
  testing::TempDirectory directory;
  const CrashLedger plan(RunWorkload(directory.Join("whole"), "").output);
  ASSERT_TRUE(plan.done());
  int kills = 0, points = 0;
  for (const auto& [name, count] : plan.passes()) {
    if (!name.starts_with("compact.")) continue;
    ++points;
    for (int nth = 1; nth <= count; ++nth) {
      const std::string where = fmt::format("{}=kill@{}", name, nth);
      const std::string root = directory.Join(fmt::format("{}-{}", name, nth));
      const ChildEnd crashed = RunWorkload(root, where);
      kills += crashed.killed ? 1 : 0;
      const ChildEnd judged = RunJudge(root, crashed.output, "");
      ASSERT_EQ(judged.exit_code, 0) << where << ": " << judged.output << crashed.output;
    }
  }
  EXPECT_EQ(points, 6) << "before_segments, after_segments, before_manifest, after_manifest,"
                          " before_forget, after_forget";
  fmt::print("{} kills at {} points of a compaction\n", kills, points);
}

}  // namespace
}  // namespace granary::storage
