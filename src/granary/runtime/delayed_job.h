// DelayedJob: calls a function on a thread of its own, some time after it was asked for.
//
// Promise    a call begins at most `delay` after the first Ask since the last call began; further
//            ones meanwhile change nothing. Without an Ask the thread sleeps. Never two calls at
//            once. Stop() (and destruction) waits for a running call; one that was only asked for
//            does not come any more.
// Time       is the clock's. A clock that is turned by hand is looked at again every `delay` of the
//            machine's time, while a call is due.
// Threads    fully safe; the job itself may Ask() but not Stop().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "granary/io/clock.h"

namespace granary::runtime {

class DelayedJob {
 public:
  /// `clock` outlives this.
  DelayedJob(std::string name, const io::Clock& clock, std::chrono::microseconds delay,
             std::function<void()> job);
  ~DelayedJob();
  DelayedJob(const DelayedJob&) = delete;
  DelayedJob& operator=(const DelayedJob&) = delete;
  void Ask();
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::runtime
