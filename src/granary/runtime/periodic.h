// PeriodicJob: calls a function every so often on a thread of its own, and at once when poked.
//
// Promise    never two calls at once; the first comes one interval after construction. A poke
//            during a call is followed by another call. Stop() (and destruction) waits for a
//            running call.
// Threads    fully safe; the job itself may Poke() but not Stop().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace granary::runtime {

class PeriodicJob {
 public:
  PeriodicJob(std::string name, std::chrono::milliseconds interval, std::function<void()> job);
  ~PeriodicJob();
  PeriodicJob(const PeriodicJob&) = delete;
  PeriodicJob& operator=(const PeriodicJob&) = delete;
  void Poke();
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::runtime
