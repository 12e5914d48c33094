// DecideWorkers: how many workers a pool should have, and why. Pure: no clock, no threads, no
// chance, so that recorded inputs can be played again, simulated and explained.
//
// Grows      when tasks wait longer for a worker than kDelayMsMax, by as much as that is too long,
//            at most double; or by one where workers compute nearly all the time and others wait.
//            Not while the CPUs have no time left and workers want it (more of them would only take
//            turns), nor where memory is short (each task holds some), nor while the queue is
//            getting shorter anyway.
// Shrinks    when fewer would do, by a quarter at once, or by one where the rest would have much to
//            compute; when memory is short.
// Steady     what lies between the thresholds changes nothing, each change is followed by a pause,
//            and what makes no sense (NaN, a clock that went back) changes nothing either.
// Source     docs/design/021-workers.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace granary::runtime {

/// A task that waits longer than that for a worker is one that another worker would have helped.
inline constexpr double kDelayMsMax = 40;

struct ScalingLimits {
  std::size_t workers_min = 2;   ///< MIN_WORKERS.
  std::size_t workers_max = 50;  ///< MAX_WORKERS; less than the minimum: the minimum.
  /// Fewer are there only where something speaks against more: an idle thread costs nothing, and
  /// the first query after a pause finds a worker for each CPU.
  std::size_t workers_idle = 0;
  double cpu_up_percent = 70;       ///< SCALE_UP_THRESHOLD_CPU, of a worker's time.
  double cpu_down_percent = 30;     ///< SCALE_DOWN_THRESHOLD_CPU.
  double memory_up_percent = 80;    ///< SCALE_UP_THRESHOLD_MEMORY: from here on workers go.
  double memory_down_percent = 40;  ///< SCALE_DOWN_THRESHOLD_MEMORY: from here on one at a time.
};

/// What was seen since the last look; means over that time unless it says "now".
struct ScalingInputs {
  std::int64_t now_ms = 0;         ///< Monotonic.
  std::size_t workers = 0;         ///< Now.
  double machine_cpu_percent = 0;  ///< Of the CPUs that the process may use, whoever used them.
  double worker_cpu_percent = 0;   ///< Of the workers' time, what they computed,
  /// and what they waited for a CPU; nothing where nobody looked.
  std::optional<double> worker_cpu_wait_percent = {};
  double busy_workers = 0;    ///< How many had a task.
  double memory_percent = 0;  ///< Now, of the limit, what nobody would give back.
  std::size_t queued = 0;     ///< Tasks that wait for a worker now.
  double queue_delay_ms = 0;  ///< That tasks waited, or the first one has waited by now.
};

/// What a decision knows of those before it. A new one knows nothing.
struct ScalingState {
  std::int64_t looked_ms = 0;  ///< 0: never.
  std::int64_t grown_ms = 0;
  std::int64_t shrunk_ms = 0;
  double busy_workers = 0;  ///< Of the last half second, later ones counting more.
  std::size_t queued = 0;
};

enum class ScalingStep : std::uint8_t { kStay, kGrow, kShrink };
std::string_view ScalingStepName(ScalingStep step);

struct ScalingDecision {
  std::size_t workers = 0;
  ScalingStep step = ScalingStep::kStay;
  std::string reason;  ///< One sentence for the log and GET /scaling.
  ScalingState next;   ///< For the next decision.
};

ScalingDecision DecideWorkers(const ScalingLimits& limits, const ScalingInputs& inputs,
                              const ScalingState& state);

}  // namespace granary::runtime
