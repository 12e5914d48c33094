// SimulatedPool: a pool of workers under a load, in counted time. Pure and repeatable: chance comes
// from a seed.
//
// Model      tasks come at random by the load's rate, wait in one line, take a worker, wait for the
//            disk, then compute. The CPUs are shared evenly by those that compute and by others on
//            the machine. A worker that is to go ends its task first.
// Threads    one; a copy is another pool in the same state, which an oracle looks ahead with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "granary/runtime/scaling_policy.h"

namespace granary::runtime {

/// Something that changes over time, in seconds from the start.
using OverTime = std::function<double(double seconds)>;

struct LoadTrace {
  std::string name;
  double seconds = 120;
  OverTime tasks_per_second;
  double task_disk_ms = 40;  ///< Means; a task takes from half to one and a half times as much.
  double task_cpu_ms = 2;
  double cpus = 2;
  OverTime others_cpus = [](double) { return 0.0; };
  OverTime memory_percent = [](double) { return 20.0; };  ///< Without what tasks hold.
  double task_memory_percent = 0.2;
};

/// Step, spike, diurnal, saw-tooth, noisy, memory-bound, computing, few and long.
std::vector<LoadTrace> ScalingTraces();

struct SimulatedTask {
  double came_ms = 0;
  double disk_ms = 0;
  double cpu_ms = 0;
};

/// All tasks of a trace, the first first.
std::vector<SimulatedTask> TasksOf(const LoadTrace& trace, std::uint64_t seed);

class SimulatedPool {
 public:
  /// Tasks that wait longer than that are late.
  static constexpr double kLateMs = 100;

  /// Both outlive it and its copies.
  SimulatedPool(const LoadTrace& trace, const std::vector<SimulatedTask>& tasks,
                std::size_t workers)
      : trace_(&trace), tasks_(&tasks), workers_(workers) {}

  void Resize(std::size_t workers);
  void Run(double ms);
  /// Of the time since the last call.
  ScalingInputs TakeInputs();

  bool done() const { return now_ms_ >= trace_->seconds * 1000; }
  double now_ms() const { return now_ms_; }
  std::size_t workers() const { return workers_; }
  std::uint64_t started() const { return next_; }
  std::uint64_t late() const { return late_; }
  double worker_ms() const { return worker_ms_; }  ///< Time that workers were there.
  std::size_t changes() const { return changes_; }
  double memory_percent() const;
  double memory_most_percent() const { return memory_most_; }

 private:
  void Step();
  void StartTasks();
  void Work();

  /// Sums since TakeInputs.
  struct Seen {
    double own_cpu_ms = 0, all_cpu_ms = 0, cpu_wait_ms = 0;
    double busy_ms = 0, worker_ms = 0, waited_ms = 0;
    std::size_t started = 0;
    double since_ms = 0;
  };

  const LoadTrace* trace_;
  const std::vector<SimulatedTask>* tasks_;
  std::size_t workers_;
  std::vector<SimulatedTask> running_;
  std::size_t came_ = 0;
  std::size_t next_ = 0;  ///< The first that waits, if any.
  double now_ms_ = 0;
  std::uint64_t late_ = 0;
  double worker_ms_ = 0;
  double memory_most_ = 0;
  std::size_t changes_ = 0;
  Seen seen_;
};

}  // namespace granary::runtime
