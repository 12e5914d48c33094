// WorkerScaler: looks at a pool and its machine ten times a second, asks DecideWorkers and does
// what it says.
//
// Shows      the last look and the last kDecisionsKept decisions that changed something or said
//            something new, with what they were made of: GET /scaling and the log.
// Log        a change at least kLogEveryMs after the last one that was logged is an info line;
//            others are debug lines.
// Threads    fully safe; looks from a thread of its own. The pool outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "granary/base/log.h"
#include "granary/io/clock.h"
#include "granary/runtime/periodic.h"
#include "granary/runtime/scaling_policy.h"
#include "granary/runtime/worker_pool.h"

namespace granary::runtime {

/// What the pool does not know itself.
struct MachineUse {
  double cpu_percent = 0;     ///< As ScalingInputs::machine_cpu_percent, since the last call.
  double memory_percent = 0;  ///< Now.
};

struct MadeDecision {
  std::int64_t wall_us = 0;
  ScalingInputs inputs;
  ScalingStep step = ScalingStep::kStay;
  std::size_t workers = 0;  ///< From then on.
  std::string reason;
};

struct ScalingReport {
  bool enabled = false;
  ScalingLimits limits;
  std::size_t workers = 0;
  std::optional<ScalingInputs> last;    ///< What was seen last; nothing before the first look.
  std::uint64_t grown = 0;              ///< How often workers were added,
  std::uint64_t shrunk = 0;             ///< and taken away.
  std::vector<MadeDecision> decisions;  ///< The newest last.
};

class WorkerScaler {
 public:
  static constexpr std::size_t kDecisionsKept = 100;
  static constexpr std::int64_t kLogEveryMs = 10'000;

  struct Options {
    bool enabled = true;  ///< Otherwise the pool stays as it is, and the report says so.
    ScalingLimits limits;
    /// Null: nobody looks but Look's callers.
    std::optional<std::chrono::milliseconds> look_every = std::chrono::milliseconds(100);
  };

  WorkerScaler(WorkerPool& pool, Options options, std::function<MachineUse()> machine,
               const io::Clock& clock, Logger& log);
  ~WorkerScaler();  ///< Stop().

  /// Looks and decides at once; one at a time.
  void Look();
  void Stop();
  ScalingReport report() const;

 private:
  ScalingInputs TakeInputs();
  void Note(const ScalingInputs& inputs, const ScalingDecision& decision);
  void Log(const ScalingInputs& inputs, const ScalingDecision& decision);

  WorkerPool& pool_;
  const Options options_;
  const std::function<MachineUse()> machine_;
  const io::Clock& clock_;
  Logger& log_;

  std::mutex look_mutex_;  ///< Guards the next five.
  WorkerPoolUse before_;
  std::int64_t looked_ns_;
  std::int64_t logged_ms_;
  std::optional<std::int64_t> cpu_wait_ns_;  ///< When the CPUs were full at the last look.
  ScalingState state_;

  mutable std::mutex report_mutex_;
  std::optional<ScalingInputs> last_;
  std::uint64_t grown_ = 0, shrunk_ = 0;
  std::deque<MadeDecision> decisions_;
  std::optional<PeriodicJob> job_;  ///< Uses all of the above.
};

}  // namespace granary::runtime
