#include "granary/runtime/scaling_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace granary::runtime {
namespace {

// From here on there is no CPU time left that another worker would not take from somebody.
constexpr double kCpuFullPercent = 95;
// Workers that want a CPU for less of their busy time wait for something else, mostly, which
// another one overlaps even so.
constexpr double kMostly = 0.5;

// Tasks that have waited so long, and those that come meanwhile, need as many workers again.
constexpr double kDrainMs = 200;
constexpr std::size_t kGrowStepMax = 16;
// A queue that is a fifth shorter than at the last look is left to those who work on it.
constexpr double kDraining = 0.8;

constexpr std::int64_t kGrowPauseMs = 100;
constexpr std::int64_t kShrinkPauseMs = 100;
constexpr std::int64_t kShrinkAfterGrowthMs = 300;  // What came may come again.
constexpr double kMeanOfMs = 500;
// The share of its workers that a pool of the right size has busy, and by how much a pool must be
// too large before it shrinks: between the two nothing changes.
constexpr double kBusyWanted = 0.94;
constexpr double kTooLarge = 0.86;

// After a longer silence (a suspended machine) what was remembered says nothing.
constexpr std::int64_t kSilenceMsMax = 60'000;

bool IsAmount(double value) { return std::isfinite(value) && value >= 0; }

bool MakeSense(const ScalingInputs& in) {
  return IsAmount(in.machine_cpu_percent) && IsAmount(in.worker_cpu_percent) &&
         IsAmount(in.memory_percent) && IsAmount(in.busy_workers) && IsAmount(in.queue_delay_ms) &&
         IsAmount(in.worker_cpu_wait_percent.value_or(0)) && in.now_ms >= 0;
}

// Limits that contradict each other: the minimum holds, and thresholds that cross leave no room
// between them, so that the pauses alone keep the pool steady.
ScalingLimits Ordered(ScalingLimits limits) {
  limits.workers_min = std::max<std::size_t>(limits.workers_min, 1);
  limits.workers_max = std::max(limits.workers_max, limits.workers_min);
  limits.workers_idle = std::clamp(limits.workers_idle, limits.workers_min, limits.workers_max);
  limits.cpu_down_percent = std::min(limits.cpu_down_percent, limits.cpu_up_percent);
  limits.memory_down_percent = std::min(limits.memory_down_percent, limits.memory_up_percent);
  return limits;
}

class WorkerDecision {
 public:
  WorkerDecision(const ScalingLimits& limits, const ScalingInputs& in, const ScalingState& before)
      : limits_(Ordered(limits)), in_(in), queued_before_(before.queued), next_(before) {}

  ScalingDecision Make() {
    if (!MakeSense(in_)) return Stay("what was measured makes no sense");
    Remember();
    if (in_.workers < limits_.workers_min) return Grow(limits_.workers_min, "below MIN_WORKERS");
    if (in_.workers > limits_.workers_max) return Shrink(limits_.workers_max, "above MAX_WORKERS");
    if (in_.memory_percent >= limits_.memory_up_percent) return ForMemory();
    if (Waits() || Computes()) return Wanted();
    if (in_.workers < limits_.workers_idle) return BackToIdle();
    return Unwanted();
  }

 private:
  // A clock that went back, or stood still for long, is a fresh start.
  void Remember() {
    const std::int64_t passed_ms = in_.now_ms - next_.looked_ms;
    if (next_.looked_ms == 0 || passed_ms < 0 || passed_ms > kSilenceMsMax) {
      next_ = {};
      next_.busy_workers = in_.busy_workers;
      queued_before_ = 0;
    } else {
      const double weight = 1 - std::exp(-static_cast<double>(passed_ms) / kMeanOfMs);
      next_.busy_workers += weight * (in_.busy_workers - next_.busy_workers);
    }
    next_.looked_ms = in_.now_ms;
    next_.queued = in_.queued;
  }

  bool Waits() const { return in_.queue_delay_ms > kDelayMsMax; }
  bool Computes() const {
    return in_.queued > 0 && in_.worker_cpu_percent >= limits_.cpu_up_percent;
  }
  bool CpuIsFull() const {
    if (in_.machine_cpu_percent < kCpuFullPercent) return false;
    if (!in_.worker_cpu_wait_percent) return true;
    const double busy_percent =
        100 * in_.busy_workers / static_cast<double>(std::max<std::size_t>(in_.workers, 1));
    return in_.worker_cpu_percent + *in_.worker_cpu_wait_percent >= kMostly * busy_percent;
  }
  bool Drains() const {
    return static_cast<double>(in_.queued + 1) < kDraining * static_cast<double>(queued_before_);
  }
  bool JustGrown(std::int64_t pause_ms) const {
    return next_.grown_ms != 0 && in_.now_ms - next_.grown_ms < pause_ms;
  }
  bool JustShrunk() const {
    return next_.shrunk_ms != 0 && in_.now_ms - next_.shrunk_ms < kShrinkPauseMs;
  }

  ScalingDecision ForMemory() {
    const std::string why = fmt::format("memory is short ({:.0f} %)", in_.memory_percent);
    if (in_.workers == limits_.workers_min) return Stay(why + ", but these are the fewest");
    if (JustShrunk()) return Stay(why + "; some have just left");
    return Shrink(Fewer(limits_.workers_min), why);
  }

  ScalingDecision Wanted() {
    const std::string why =
        Waits() ? fmt::format("tasks wait {:.0f} ms for a worker", in_.queue_delay_ms)
                : fmt::format("tasks wait, and workers compute {:.0f} % of their time",
                              in_.worker_cpu_percent);
    if (CpuIsFull())
      return Stay(
          fmt::format("{}, but the CPUs are full ({:.0f} %)", why, in_.machine_cpu_percent));
    if (in_.workers == limits_.workers_max) return Stay(why + ", but these are the most");
    if (JustGrown(kGrowPauseMs)) return Stay(why + "; some have just come");
    if (Drains()) return Stay(why + ", but fewer do than before");
    if (in_.memory_percent >= limits_.memory_down_percent)
      return Grow(in_.workers + 1, fmt::format("{}; one at a time, memory being at {:.0f} %", why,
                                               in_.memory_percent));
    return Grow(in_.workers + (Waits() ? Step() : 1), why);
  }

  std::size_t Step() const {
    const double share = std::min(in_.queue_delay_ms / kDrainMs, 1.0);
    const auto step = static_cast<std::size_t>(std::ceil(share * static_cast<double>(in_.workers)));
    return std::min({step, kGrowStepMax, limits_.workers_max - in_.workers});
  }

  // Once nothing speaks against them any more.
  ScalingDecision BackToIdle() {
    if (CpuIsFull() || JustGrown(kGrowPauseMs)) return Stay("fewer than CPUs, which are busy");
    return Grow(in_.workers + 1, "fewer than CPUs");
  }

  ScalingDecision Unwanted() {
    const auto busy = static_cast<std::size_t>(std::ceil(next_.busy_workers / kBusyWanted));
    const std::size_t least = std::max(busy, limits_.workers_idle);
    const double bearable = kTooLarge * static_cast<double>(in_.workers);
    if (in_.workers <= least || static_cast<double>(least) > bearable)
      return Stay("as many as are needed");
    if (JustGrown(kShrinkAfterGrowthMs)) return Stay("fewer would do; some have just come");
    if (JustShrunk()) return Stay("fewer would do; some have just left");
    const std::string why =
        fmt::format("{:.1f} of {} have something to do", next_.busy_workers, in_.workers);
    const bool by_one = in_.worker_cpu_percent >= limits_.cpu_down_percent;
    return Shrink(by_one ? in_.workers - 1 : Fewer(least), why);
  }

  std::size_t Fewer(std::size_t least) const {
    const std::size_t step = std::max<std::size_t>(in_.workers / 4, 1);
    return std::max(in_.workers - step, least);
  }

  ScalingDecision Stay(std::string reason) const {
    return {in_.workers, ScalingStep::kStay, std::move(reason), next_};
  }
  ScalingDecision Grow(std::size_t workers, std::string reason) {
    next_.grown_ms = in_.now_ms;
    return {workers, ScalingStep::kGrow, std::move(reason), next_};
  }
  ScalingDecision Shrink(std::size_t workers, std::string reason) {
    next_.shrunk_ms = in_.now_ms;
    return {workers, ScalingStep::kShrink, std::move(reason), next_};
  }

  const ScalingLimits limits_;
  const ScalingInputs& in_;
  std::size_t queued_before_;
  ScalingState next_;
};

}  // namespace

std::string_view ScalingStepName(ScalingStep step) {
  switch (step) {
    case ScalingStep::kGrow: return "grow";
    case ScalingStep::kShrink: return "shrink";
    case ScalingStep::kStay: break;
  }
  return "stay";
}

ScalingDecision DecideWorkers(const ScalingLimits& limits, const ScalingInputs& inputs,
                              const ScalingState& state) {
  return WorkerDecision(limits, inputs, state).Make();
}

}  // namespace granary::runtime
