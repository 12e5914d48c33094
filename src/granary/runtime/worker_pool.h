// WorkerPool: the threads on which queries, flushes and other work run.
//
// Promise    submitted tasks start in order of submission; Stop() runs what was submitted, then
//            joins. Up to threads_max a task that finds no idle thread gets one of its own, so
//            tasks that wait for others (a slot, a client) hold up nobody; those threads end
//            after a while without work.
// Threads    fully safe. A task may submit; it must not wait for another task of the pool that may
//            still be queued, except through ParallelFor, whose caller works along and so cannot
//            deadlock.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "granary/base/status.h"

namespace granary::runtime {

struct WorkerPoolOptions {
  std::size_t threads = 2;      ///< From the start to the end.
  std::size_t threads_max = 0;  ///< With those that come and go; less than `threads`: none.
  std::chrono::milliseconds idle_max{10'000};  ///< Then one of those ends.
};

class WorkerPool {
 public:
  explicit WorkerPool(WorkerPoolOptions options);
  ~WorkerPool();  ///< Stop().
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Never refuses: once Stop() has joined the workers, the caller runs the task itself.
  void Submit(std::function<void()> task);

  /// Calls body(0) … body(count - 1), each once, on up to `parallelism` threads, the caller among
  /// them, and returns when all have returned. After a failure no new index starts; returns the
  /// failure with the lowest index, which is the one that a plain loop would have returned. An
  /// exception of a body is kInternal.
  Status ParallelFor(std::size_t count, std::size_t parallelism,
                     const std::function<Status(std::size_t)>& body);

  void Stop();                  ///< Not from a task.
  std::size_t threads() const;  ///< Alive now.
  std::size_t queued() const;   ///< Tasks that wait for a worker.
  std::size_t running() const;  ///< Tasks that a worker has in hand.

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace granary::runtime
