// PeriodicJob: calls a function every so often on a thread of its own, and at once when poked.
//
// Promise    never two calls at once; Stop() (and destruction) waits for a running call.
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
