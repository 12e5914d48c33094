// DelayedJob: calls a function some time after it was asked for: on a thread of its own, or on
// those that many jobs share.
//
// Promise    a call begins at most `delay` after the first Ask since the last call began; further
//            ones meanwhile change nothing. Without an Ask the thread sleeps. Never two calls at
//            once. Stop() (and destruction) waits for a running call; one that was only asked for
//            does not come any more.
// Time       is the clock's; on shared threads the steady clock's. A clock that is turned by hand is looked at again every `delay` of the
//            machine's time, while a call is due.
// Threads    fully safe; the job itself may Ask() but not Stop().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "granary/io/clock.h"

namespace granary::runtime {

class JobThreads;

class DelayedJob {
 public:
  /// `clock` outlives this, and so do `shared`, where they are given.
  DelayedJob(std::string name, const io::Clock& clock, std::chrono::microseconds delay,
             std::function<void()> job, JobThreads* shared = nullptr);
  ~DelayedJob();
  DelayedJob(const DelayedJob&) = delete;
  DelayedJob& operator=(const DelayedJob&) = delete;
  void Ask();
  void Stop();

 private:
  struct State;
  struct OwnThread;
  struct SharedThreads;
  std::unique_ptr<State> state_;
};

}  // namespace granary::runtime
