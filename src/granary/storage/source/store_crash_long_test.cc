// Every pass of every failpoint, and in each recovery every step of its own.
#include "granary/storage/source/crash_test_support.h"

namespace granary::storage {
namespace {

TEST(StoreCrashLongTest, RecoversFromAKillAtEveryStepAndAtEveryStepOfRecovery) {
  testing::TempDirectory plans;
  const CrashLedger plan(RunWorkload(plans.Join("whole"), "").output);
  ASSERT_TRUE(plan.done());
  int kills = 0, recovery_kills = 0;
  for (const auto& [name, count] : plan.passes()) {
    for (int nth = 1; nth <= count; ++nth) {
      testing::TempDirectory directory;
      const std::string root = directory.Join("data");
      const std::string where = fmt::format("{}=kill@{}", name, nth);
      const ChildEnd crashed = RunWorkload(root, where);
      kills += crashed.killed ? 1 : 0;
      // Three deep, each further along than the one before.
      for (int deep = 1; deep <= 3; ++deep) {
        const ChildEnd again =
            RunJudge(root, crashed.output, fmt::format("{}=kill@{}", name, deep));
        recovery_kills += again.killed ? 1 : 0;
        if (!again.killed) break;
      }
      const ChildEnd judged = RunJudge(root, crashed.output, "");
      ASSERT_EQ(judged.exit_code, 0) << where << ": " << judged.output << crashed.output;
    }
  }
  fmt::print("{} kills, {} kills of a recovery, {} failpoints\n", kills, recovery_kills,
             plan.passes().size());
}

}  // namespace
}  // namespace granary::storage
