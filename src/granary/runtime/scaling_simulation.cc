#include "granary/runtime/scaling_simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "granary/base/append_format.h"

namespace granary::runtime {
namespace {

using ChooseFn = std::function<std::size_t(SimulatedPool& pool)>;

ScalingRun RunOf(const LoadTrace& trace, const std::vector<SimulatedTask>& tasks,
                 std::size_t workers, const ChooseFn& choose) {
  SimulatedPool pool(trace, tasks, workers);
  ScalingRun out;
  while (!pool.done()) {
    pool.Resize(choose(pool));
    out.workers_most = std::max(out.workers_most, pool.workers());
    pool.Run(static_cast<double>(kScalingLookMs));
  }
  out.worker_seconds = pool.worker_ms() / 1000;
  out.tasks = pool.started();
  out.late = pool.late();
  out.changes = pool.changes();
  out.memory_most_percent = pool.memory_most_percent();
  return out;
}

/// How an oracle plans: what share of tasks may be late at any time, and whether later looks are
/// to get along with as many workers, or may have all.
struct Plan {
  double late_share = 0;
  bool held = true;
};

class Oracle {
 public:
  Oracle(const LoadTrace& trace, const ScalingLimits& limits, Plan plan)
      : trace_(trace), limits_(limits), plan_(plan) {}

  std::size_t Choose(const SimulatedPool& now) const {
    std::size_t low = limits_.workers_min, high = Allowed(now);
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (WillDo(now, middle))
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

 private:
  // As many as memory has room for.
  std::size_t Allowed(const SimulatedPool& now) const {
    const double room = limits_.memory_up_percent - trace_.memory_percent(now.now_ms() / 1000);
    return static_cast<std::size_t>(std::clamp(std::floor(room / trace_.task_memory_percent),
                                               static_cast<double>(limits_.workers_min),
                                               static_cast<double>(limits_.workers_max)));
  }

  bool WillDo(const SimulatedPool& now, std::size_t workers) const {
    SimulatedPool tried = now;
    tried.Resize(workers);
    tried.Run(static_cast<double>(kScalingLookMs));
    if (!plan_.held) tried.Resize(limits_.workers_max);
    tried.Run(SimulatedPool::kLateMs);
    const auto late = static_cast<double>(tried.late() - now.late());
    return late <= plan_.late_share * static_cast<double>(tried.started() - now.started());
  }

  const LoadTrace& trace_;
  const ScalingLimits& limits_;
  const Plan plan_;
};

bool IsBetter(const ScalingRun& a, const ScalingRun& b) {
  if (a.keeps_objective() != b.keeps_objective()) return a.keeps_objective();
  return a.worker_seconds < b.worker_seconds;
}

}  // namespace

ScalingRun SimulatePolicy(const LoadTrace& trace, const ScalingLimits& limits, std::uint64_t seed) {
  ScalingState state;
  return RunOf(trace, TasksOf(trace, seed), limits.workers_min, [&](SimulatedPool& pool) {
    ScalingDecision decision = DecideWorkers(limits, pool.TakeInputs(), state);
    state = decision.next;
    return decision.workers;
  });
}

ScalingRun SimulateOracle(const LoadTrace& trace, const ScalingLimits& limits, std::uint64_t seed) {
  const std::vector<SimulatedTask> tasks = TasksOf(trace, seed);
  std::optional<ScalingRun> best;
  for (const Plan plan : {Plan{0, true}, Plan{0.02, true}, Plan{0.1, true}, Plan{0.02, false}}) {
    const Oracle oracle(trace, limits, plan);
    const ScalingRun run = RunOf(trace, tasks, limits.workers_min,
                                 [&](SimulatedPool& pool) { return oracle.Choose(pool); });
    if (!best || IsBetter(run, *best)) best = run;
  }
  return *best;
}

std::string ScalingTable(const std::vector<ScalingComparison>& rows) {
  std::string out = fmt::format("{:<13}{:>8} |{:>8}{:>8}{:>6}{:>9}{:>8} |{:>8}{:>8}{:>6} |{:>6}\n",
                                "load", "tasks", "policy s", "late", "most", "changes", "memory",
                                "oracle s", "late", "most", "ratio");
  for (const ScalingComparison& row : rows) {
    const ScalingRun &p = row.policy, &o = row.oracle;
    AppendFormat(
        out,
        "{:<13}{:>8} |{:>8.0f}{:>7.2f}%{:>6}{:>9}{:>7.0f}% |{:>8.0f}{:>7.2f}%{:>6} |{:>6.2f}\n",
        row.trace, p.tasks, p.worker_seconds, 100 * p.late_share(), p.workers_most, p.changes,
        p.memory_most_percent, o.worker_seconds, 100 * o.late_share(), o.workers_most, row.ratio());
  }
  return out;
}

}  // namespace granary::runtime
