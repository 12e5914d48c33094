// ./dev bench scaler: what the policy of workers costs beside an oracle, under each load.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "granary/runtime/scaling_simulation.h"

namespace {

using namespace granary::runtime;  // NOLINT: a program of one page.

constexpr double kRatioMax = 1.3;

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  std::vector<ScalingComparison> rows;
  bool kept = true;
  for (const LoadTrace& trace : ScalingTraces()) {
    rows.push_back({trace.name, SimulatePolicy(trace, {}, seed), SimulateOracle(trace, {}, seed)});
    kept = kept && rows.back().ratio() <= kRatioMax && rows.back().policy.keeps_objective();
  }
  std::fputs(ScalingTable(rows).c_str(), stdout);
  std::printf(
      "target: at most %.1f times the oracle's worker-seconds, %.0f %% of tasks within %.0f ms: "
      "%s\n",
      kRatioMax, 100 * kOnTimeShare, SimulatedPool::kLateMs, kept ? "kept" : "MISSED");
  return kept ? 0 : 1;
}
