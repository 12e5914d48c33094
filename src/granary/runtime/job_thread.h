// JobThread: the thread of a background job, its mutex and its stopping; what DelayedJob and
// PeriodicJob have in common.
//
// Threads    `mutex` guards `stopping` and what the job adds to it. Start once; Stop from any
//            thread but the job's own, as often as one likes: it returns when the thread has ended.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace granary::runtime {

class JobThread {
 public:
  /// Runs `loop`, which ends soon after `stopping` is true and `wake` was notified.
  void Start(const std::string& name, std::function<void()> loop);
  void Stop();

  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;

 private:
  std::mutex join_mutex_;  // Taken before `mutex`.
  std::thread thread_;
};

}  // namespace granary::runtime
