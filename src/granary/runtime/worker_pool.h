// WorkerPool: the threads on which queries, flushes and other work run.
//
// Promise    submitted tasks start in order of submission; Stop() runs what was submitted, then
// joins. Threads    fully safe. A task may submit; it must not wait for another task, except
// through
//            ParallelFor, whose caller works along and so cannot deadlock.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "granary/base/status.h"

namespace granary::runtime {

struct WorkerPoolOptions {
  std::size_t threads = 2;
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
  /// failure with the lowest index, which is the one that a plain loop would have returned.
  Status ParallelFor(std::size_t count, std::size_t parallelism,
                     const std::function<Status(std::size_t)>& body);

  void Stop();  ///< Not from a task.
  std::size_t threads() const;
  std::size_t queued() const;   ///< Tasks that wait for a worker.
  std::size_t running() const;  ///< Tasks that a worker has in hand.

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace granary::runtime
