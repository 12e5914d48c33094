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

}  // namespace
}  // namespace granary::storage
