// PeriodicJob: calls a function every so often, and at once when poked: on a thread of its own, or
// on those that many jobs share.
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

class JobThreads;

class PeriodicJob {
 public:
  /// `shared` null: on a thread that is called `name`. Else they outlive it.
  PeriodicJob(std::string name, std::chrono::milliseconds interval, std::function<void()> job,
              JobThreads* shared = nullptr);
  ~PeriodicJob();
  PeriodicJob(const PeriodicJob&) = delete;
  PeriodicJob& operator=(const PeriodicJob&) = delete;
  void Poke();
  void Stop();

 private:
  struct State;
  struct OwnThread;
  struct SharedThreads;
  std::unique_ptr<State> state_;
};

}  // namespace granary::runtime
