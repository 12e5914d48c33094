// JobThreads: the background jobs of many owners on few threads: each is called when it is due, on
// one of `threads_max` threads at most, which come and go with the work.
//
// Why        a job that has a thread of its own costs one whether there is work or not; a process
//            with a thousand tenants would have thousands.
// Promise    never two calls of one job at once. Jobs that are due wait for a thread in the order in
//            which they became due, so none waits behind another's next call.
// Time       is the steady clock's.
// Threads    fully safe. A job may ask for its next call; it must not remove itself.
// Owns       its threads. Outlives the jobs.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace granary::runtime {

class JobThreads {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  struct Job;
  using JobPtr = std::shared_ptr<Job>;

  explicit JobThreads(std::size_t threads_max);
  ~JobThreads();
  JobThreads(const JobThreads&) = delete;
  JobThreads& operator=(const JobThreads&) = delete;

  /// A job that is not due until At says when.
  JobPtr Add(std::function<void()> call);
  /// Calls it once at `when`, or before if that was asked for already. One that is running then is
  /// called again.
  void At(const JobPtr& job, Moment when);
  /// No call begins from here on; waits for one that runs. Not from the job itself.
  void Remove(const JobPtr& job);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::runtime
