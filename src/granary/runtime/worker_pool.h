// WorkerPool: the threads on which queries, flushes and other work run.
//
// Promise    submitted tasks start in order of submission; Stop() runs what was submitted, then
//            joins. Up to threads_max a task that finds no idle thread gets one of its own, so
//            tasks that wait for others (a slot, a client) hold up nobody; those threads end
//            after a while without work. Resize() loses and stalls no task: a worker that is to
//            go ends what it has in hand, and hands on the call for what it does not take.
// Shares     a pool may be a share of another one's threads (those of a tenant): tasks of shares
//            that have fewest in hand are started first, and a ParallelFor's helpers go back to
//            the end of the line between two indices while another share that has fewer waits. So
//            who brings many tasks, or long ones, does not keep the others from their part.
// Threads    fully safe. A task may submit; it must not wait for another task of the pool that may
//            still be queued, except through ParallelFor, whose caller works along and so cannot
//            deadlock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "granary/base/status.h"

namespace granary::runtime {

struct WorkerPoolOptions {
  std::size_t threads = 2;      ///< From the start to the end, unless Resize says otherwise.
  std::size_t threads_max = 0;  ///< With those that come and go; at most `threads`: none.
  std::chrono::milliseconds idle_max{10'000};  ///< Then one of those ends.
};

/// What a pool did since its start; two of them tell what it did between.
struct WorkerPoolUse {
  std::size_t size = 0;  ///< As Resize said.
  std::size_t queued = 0, running = 0;
  std::int64_t oldest_wait_ns = 0;  ///< Of the task that has waited the longest; 0: none waits.
  std::int64_t alive_ns = 0;        ///< Of all workers, those that ended too.
  std::int64_t busy_ns = 0;         ///< Of that, with a task in hand,
  std::int64_t cpu_ns = 0;          ///< and of that, computing.
  std::int64_t waited_ns = 0;       ///< Of all tasks until they were started.
  std::uint64_t started = 0;        ///< Tasks.
};

class WorkerPool {
 public:
  explicit WorkerPool(WorkerPoolOptions options);
  /// A share of the threads of `of`, which outlives it; at most `threads_max` at once, 0: any
  /// number. Resize is not for it; Stop waits for its own tasks alone.
  explicit WorkerPool(WorkerPool& of, std::size_t threads_max = 0);
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

  /// So many threads from now on, at least one. New ones are there when it returns, as far as the
  /// system has them; those too many end with the task in their hands. Nothing once stopped.
  void Resize(std::size_t threads);

  /// Of a share: so many threads at once from now on, 0: any number.
  void Limit(std::size_t threads_max);

  /// Of all shares.
  WorkerPoolUse use() const;
  /// How long the workers of its whole life waited for a CPU; nothing where the kernel does not
  /// say, and where one ended meanwhile. Some microseconds a worker.
  std::optional<std::int64_t> cpu_wait_ns() const;

  void Stop();                  ///< Not from a task.
  std::size_t size() const;     ///< As Resize said; of a share no more than it may have.
  std::size_t threads() const;  ///< Alive now.
  std::size_t queued() const;   ///< Tasks of all shares that wait for a worker.
  std::size_t running() const;  ///< … and that a worker has in hand.

 private:
  bool Call(const std::function<void()>& push);
  std::size_t threads_most() const;
  struct State;
  struct Share;
  std::shared_ptr<State> state_;
  std::shared_ptr<Share> share_;  ///< Its own tasks.
};

}  // namespace granary::runtime
