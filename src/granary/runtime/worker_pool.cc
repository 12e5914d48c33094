#include "granary/runtime/worker_pool.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "granary/base/check.h"

namespace granary::runtime {
namespace {

// One ParallelFor: indices are handed out in order, so whatever fails, every lower index runs too,
// and the lowest failure is the one that a loop on one thread would have met.
class Loop {
 public:
  Loop(std::size_t count, const std::function<Status(std::size_t)>& body)
      : count_(count), body_(&body) {}

  // A helper that comes after the loop was closed must not touch `body`, which is gone by then.
  void Help() {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      ++helpers_;
    }
    Work();
    const std::lock_guard lock(mutex_);
    if (--helpers_ == 0) idle_.notify_all();
  }

  Status WorkAndWait() {
    Work();
    std::unique_lock lock(mutex_);
    closed_ = true;
    idle_.wait(lock, [this] { return helpers_ == 0; });
    return failure_;
  }

 private:
  void Work() {
    while (!failed_.load(std::memory_order_relaxed)) {
      const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (index >= count_) return;
      Status status = Call(index);
      if (!status.ok()) Fail(index, std::move(status));
    }
  }

  // A body that throws (no memory) fails like any other: its loop outlives it.
  Status Call(std::size_t index) {
    try {
      return (*body_)(index);
    } catch (const std::exception& e) {
      return Status::Internal(e.what());
    }
  }

  void Fail(std::size_t index, Status status) {
    failed_.store(true, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (!failure_.ok() && failed_index_ < index) return;
    failed_index_ = index;
    failure_ = std::move(status);
  }

  const std::size_t count_;
  const std::function<Status(std::size_t)>* const body_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t helpers_ = 0;
  bool closed_ = false;
  std::size_t failed_index_ = 0;
  Status failure_;
};

/// How long a thread is there.
enum class Life : std::uint8_t { kWithPool, kWhileBusy };

}  // namespace

struct WorkerPool::State : std::enable_shared_from_this<State> {
  explicit State(WorkerPoolOptions o) : options(o) {
    options.threads = std::max<std::size_t>(options.threads, 1);
    options.threads_max = std::max(options.threads_max, options.threads);
  }

  /// Where a worker waits for a task. Shared with whoever calls it, who notifies without the mutex:
  /// the first thing that a woken worker does is to take that.
  struct Idle {
    std::condition_variable wake;
    bool called = false;
  };
  using IdlePtr = std::shared_ptr<Idle>;

  WorkerPoolOptions options;
  mutable std::mutex mutex;
  std::vector<IdlePtr> idle;  // The last to wait is called first: its memory is warm.
  std::deque<std::function<void()>> queue;
  std::size_t alive = 0;  // Workers that will still look at the queue.
  std::size_t running = 0;
  bool stopping = false;
  std::mutex join_mutex;  // Taken before `mutex`; lets every Stop() return only after the joining.
  std::map<std::size_t, std::thread> threads;  // By number.
  std::size_t next_number = 0;
  std::vector<std::thread> ended;  // To be joined.

  // Under the mutex, as the rest. Nothing happens when the system has no thread to give: the task
  // then waits for one that is there.
  void Start(Life life) {
    const std::size_t number = next_number++;
    try {
      std::thread& worker = threads[number] =
          std::thread([self = shared_from_this(), number, life] { self->Run(number, life); });
      ++alive;
      ::pthread_setname_np(worker.native_handle(),
                           fmt::format("worker-{}", number).substr(0, 15).c_str());
    } catch (const std::system_error&) {
      threads.erase(number);
      GRANARY_CHECK(alive > 0, "no thread for a pool of {}", options.threads);
    }
  }

  // False when none came for so long that the thread ends.
  bool WaitForWork(std::unique_lock<std::mutex>& lock, const IdlePtr& self, Life life) {
    const auto until = std::chrono::steady_clock::now() + options.idle_max;
    while (!stopping && queue.empty()) {
      self->called = false;
      idle.push_back(self);
      const auto is_called = [&self] { return self->called; };
      if (life == Life::kWithPool) {
        self->wake.wait(lock, is_called);
      } else if (!self->wake.wait_until(lock, until, is_called)) {
        std::erase(idle, self);
        return false;
      }
    }
    return true;
  }

  /// The worker that is to be notified once the mutex is free; null when none waits.
  IdlePtr CallOne() {
    if (idle.empty()) return nullptr;
    IdlePtr last = std::move(idle.back());
    idle.pop_back();
    last->called = true;
    return last;
  }

  void Run(std::size_t number, Life life) {
    const auto self = std::make_shared<Idle>();
    std::unique_lock lock(mutex);
    for (;;) {
      if (!WaitForWork(lock, self, life)) {
        ended.push_back(std::move(threads.extract(number).mapped()));
        break;
      }
      if (queue.empty()) break;
      std::function<void()> task = std::move(queue.front());
      queue.pop_front();
      ++running;
      lock.unlock();
      task();
      task = nullptr;  // What it holds is let go outside the lock.
      lock.lock();
      --running;
    }
    --alive;
  }
};

WorkerPool::WorkerPool(WorkerPoolOptions options) : state_(std::make_shared<State>(options)) {
  const std::lock_guard lock(state_->mutex);
  for (std::size_t i = 0; i < state_->options.threads; ++i) state_->Start(Life::kWithPool);
}

WorkerPool::~WorkerPool() { Stop(); }

void WorkerPool::Submit(std::function<void()> task) {
  std::vector<std::thread> ended;
  State::IdlePtr called;
  bool queued = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->alive > 0) {
      queued = true;
      state_->queue.push_back(std::move(task));
      const std::size_t idle = state_->alive - state_->running;
      if (state_->queue.size() > idle && state_->alive < state_->options.threads_max &&
          !state_->stopping)
        state_->Start(Life::kWhileBusy);
      called = state_->CallOne();
      ended.swap(state_->ended);
    }
  }
  if (called != nullptr) called->wake.notify_one();
  for (std::thread& thread : ended) thread.join();
  if (!queued) task();
}

Status WorkerPool::ParallelFor(std::size_t count, std::size_t parallelism,
                               const std::function<Status(std::size_t)>& body) {
  const std::size_t helpers =
      std::min({std::max<std::size_t>(parallelism, 1), std::max<std::size_t>(count, 1),
                state_->options.threads_max + 1}) -
      1;
  const auto loop = std::make_shared<Loop>(count, body);
  for (std::size_t i = 0; i < helpers; ++i) Submit([loop] { loop->Help(); });
  return loop->WorkAndWait();
}

void WorkerPool::Stop() {
  const std::lock_guard joining(state_->join_mutex);
  std::vector<std::thread> threads;
  std::vector<State::IdlePtr> called;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    while (State::IdlePtr one = state_->CallOne()) called.push_back(std::move(one));
    threads.swap(state_->ended);
    for (auto& [number, thread] : state_->threads) threads.push_back(std::move(thread));
    state_->threads.clear();
  }
  for (const State::IdlePtr& one : called) one->wake.notify_one();
  for (std::thread& worker : threads) {
    GRANARY_CHECK(worker.get_id() != std::this_thread::get_id(),
                  "a task may not stop its own pool");
    worker.join();
  }
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->alive;
}

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

std::size_t WorkerPool::running() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running;
}

}  // namespace granary::runtime
