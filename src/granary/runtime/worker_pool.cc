#include "granary/runtime/worker_pool.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
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
      Status status = (*body_)(index);
      if (!status.ok()) Fail(index, std::move(status));
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

}  // namespace

struct WorkerPool::State {
  mutable std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> queue;
  std::size_t alive = 0;  // Workers that will still look at the queue.
  std::size_t running = 0;
  bool stopping = false;
  std::mutex join_mutex;  // Taken before `mutex`; lets every Stop() return only after the joining.
  std::vector<std::thread> threads;
  std::size_t thread_count = 0;

  void Run() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || !queue.empty(); });
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

WorkerPool::WorkerPool(WorkerPoolOptions options) : state_(std::make_shared<State>()) {
  state_->thread_count = std::max<std::size_t>(options.threads, 1);
  state_->alive = state_->thread_count;
  for (std::size_t i = 0; i < state_->thread_count; ++i) {
    std::thread& worker = state_->threads.emplace_back([state = state_] { state->Run(); });
    ::pthread_setname_np(worker.native_handle(), fmt::format("worker-{}", i).substr(0, 15).c_str());
  }
}

WorkerPool::~WorkerPool() { Stop(); }

void WorkerPool::Submit(std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->alive > 0) {
      state_->queue.push_back(std::move(task));
      state_->wake.notify_one();
      return;
    }
  }
  task();
}

Status WorkerPool::ParallelFor(std::size_t count, std::size_t parallelism,
                               const std::function<Status(std::size_t)>& body) {
  const std::size_t helpers =
      std::min({std::max<std::size_t>(parallelism, 1), std::max<std::size_t>(count, 1),
                state_->thread_count + 1}) -
      1;
  const auto loop = std::make_shared<Loop>(count, body);
  for (std::size_t i = 0; i < helpers; ++i) Submit([loop] { loop->Help(); });
  return loop->WorkAndWait();
}

void WorkerPool::Stop() {
  const std::lock_guard joining(state_->join_mutex);
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->wake.notify_all();
  }
  for (std::thread& worker : state_->threads) {
    GRANARY_CHECK(worker.get_id() != std::this_thread::get_id(),
                  "a task may not stop its own pool");
    worker.join();
  }
  state_->threads.clear();
}

std::size_t WorkerPool::threads() const { return state_->thread_count; }

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

std::size_t WorkerPool::running() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running;
}

}  // namespace granary::runtime
