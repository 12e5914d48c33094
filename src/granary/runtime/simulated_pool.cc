#include "granary/runtime/simulated_pool.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace granary::runtime {
namespace {

constexpr double kSimulatedStepMs = 5;

}  // namespace

std::vector<SimulatedTask> TasksOf(const LoadTrace& trace, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto uniform = [&random] { return static_cast<double>(random() >> 11) * 0x1.0p-53; };
  std::vector<SimulatedTask> tasks;
  double due = -std::log(1 - uniform());
  for (double ms = 0; ms < trace.seconds * 1000; ++ms) {
    due -= std::max(trace.tasks_per_second(ms / 1000), 0.0) / 1000;
    for (; due <= 0; due -= std::log(1 - uniform())) {
      const double size = 0.5 + uniform();
      tasks.push_back({ms, trace.task_disk_ms * size, trace.task_cpu_ms * size});
    }
  }
  return tasks;
}

void SimulatedPool::Resize(std::size_t workers) {
  if (workers != workers_) ++changes_;
  workers_ = workers;
}

void SimulatedPool::Run(double ms) {
  for (const double until = now_ms_ + ms - kSimulatedStepMs / 2; now_ms_ < until;) Step();
}

double SimulatedPool::memory_percent() const {
  return trace_->memory_percent(now_ms_ / 1000) +
         trace_->task_memory_percent * static_cast<double>(running_.size());
}

ScalingInputs SimulatedPool::TakeInputs() {
  const double ms = std::max(now_ms_ - seen_.since_ms, 1.0);
  ScalingInputs in;
  in.now_ms = static_cast<std::int64_t>(now_ms_);
  in.workers = workers_;
  in.machine_cpu_percent = 100 * seen_.all_cpu_ms / (trace_->cpus * ms);
  in.worker_cpu_percent = 100 * seen_.own_cpu_ms / std::max(seen_.worker_ms, 1.0);
  in.worker_cpu_wait_percent = 100 * seen_.cpu_wait_ms / std::max(seen_.worker_ms, 1.0);
  in.busy_workers = seen_.busy_ms / ms;
  in.memory_percent = memory_percent();
  in.queued = came_ - next_;
  if (seen_.started > 0) in.queue_delay_ms = seen_.waited_ms / static_cast<double>(seen_.started);
  if (in.queued > 0)
    in.queue_delay_ms = std::max(in.queue_delay_ms, now_ms_ - (*tasks_)[next_].came_ms);
  seen_ = {.since_ms = now_ms_};
  return in;
}

void SimulatedPool::Step() {
  while (came_ < tasks_->size() && (*tasks_)[came_].came_ms <= now_ms_) ++came_;
  StartTasks();
  const double there = static_cast<double>(std::max(workers_, running_.size()));
  worker_ms_ += there * kSimulatedStepMs;
  seen_.worker_ms += there * kSimulatedStepMs;
  seen_.busy_ms += static_cast<double>(running_.size()) * kSimulatedStepMs;
  memory_most_ = std::max(memory_most_, memory_percent());
  Work();
  now_ms_ += kSimulatedStepMs;
}

void SimulatedPool::StartTasks() {
  for (; next_ < came_ && running_.size() < workers_; ++next_) {
    const SimulatedTask& task = (*tasks_)[next_];
    const double waited_ms = now_ms_ - task.came_ms;
    late_ += waited_ms > kLateMs;
    seen_.waited_ms += waited_ms;
    ++seen_.started;
    running_.push_back(task);
  }
}

void SimulatedPool::Work() {
  double computing_ms = 0;
  for (const SimulatedTask& task : running_)
    computing_ms += std::clamp(kSimulatedStepMs - task.disk_ms, 0.0, task.cpu_ms);
  const double others = trace_->others_cpus(now_ms_ / 1000);
  const double wanted = computing_ms / kSimulatedStepMs + others;
  const double rate = wanted <= trace_->cpus ? 1 : trace_->cpus / wanted;
  seen_.all_cpu_ms += others * rate * kSimulatedStepMs;
  for (SimulatedTask& task : running_) {
    const double disk_ms = std::min(kSimulatedStepMs, task.disk_ms);
    const double cpu_ms = std::min((kSimulatedStepMs - disk_ms) * rate, task.cpu_ms);
    if (task.cpu_ms > cpu_ms) seen_.cpu_wait_ms += kSimulatedStepMs - disk_ms - cpu_ms;
    task.disk_ms -= disk_ms;
    task.cpu_ms -= cpu_ms;
    seen_.own_cpu_ms += cpu_ms;
    seen_.all_cpu_ms += cpu_ms;
  }
  std::erase_if(running_,
                [](const SimulatedTask& task) { return task.disk_ms <= 0 && task.cpu_ms <= 1e-9; });
}

std::vector<LoadTrace> ScalingTraces() {
  constexpr double kTwoPi = 6.283185307179586;
  std::vector<LoadTrace> out;
  const auto add = [&out](std::string name, OverTime tasks_per_second) -> LoadTrace& {
    out.push_back({.name = std::move(name), .tasks_per_second = std::move(tasks_per_second)});
    return out.back();
  };
  add("step", [](double s) { return s < 30 || s >= 90 ? 40.0 : 500.0; });
  add("spike",
      [](double s) { return std::fmod(s, 40) < 20 || std::fmod(s, 40) >= 30 ? 60.0 : 600.0; });
  add("diurnal", [](double s) { return 300 - 270 * std::cos(kTwoPi * s / 60); });
  add("saw-tooth", [](double s) { return 20 + 560 * std::fmod(s, 30) / 30; });
  add("noisy", [](double s) {  // Another rate each second, unlike the one before.
    const std::uint64_t mixed = (static_cast<std::uint64_t>(s) + 1) * 0x9e3779b97f4a7c15u;
    return 100 + 0.4 * static_cast<double>((mixed >> 32) % 1000);
  });
  LoadTrace& memory = add("memory-bound", [](double s) { return s < 20 ? 60.0 : 260.0; });
  memory.memory_percent = [](double s) { return s >= 60 && s < 90 ? 52.0 : 20.0; };
  memory.task_memory_percent = 2;
  LoadTrace& computing =
      add("computing", [](double s) { return s < 30 || s >= 90 ? 50.0 : 400.0; });
  computing.task_disk_ms = 0;
  computing.task_cpu_ms = 20;
  computing.cpus = 16;
  LoadTrace& long_ones =
      add("few and long", [](double s) { return std::fmod(s, 60) < 30 ? 1.0 : 10.0; });
  long_ones.task_disk_ms = 1500;
  long_ones.task_cpu_ms = 100;
  return out;
}

}  // namespace granary::runtime
