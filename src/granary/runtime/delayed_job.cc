#include "granary/runtime/delayed_job.h"

#include <pthread.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "granary/base/check.h"

namespace granary::runtime {

struct DelayedJob::State {
  State(const io::Clock& clock_in, std::chrono::nanoseconds delay_in, std::function<void()> job_in)
      : clock(clock_in), delay(delay_in), job(std::move(job_in)) {}

  const io::Clock& clock;
  const std::chrono::nanoseconds delay;
  const std::function<void()> job;
  std::mutex mutex;
  std::condition_variable wake;
  std::optional<std::int64_t> due_ns;
  bool stopping = false;
  std::mutex join_mutex;  // Taken before `mutex`.
  std::thread thread;

  void Run() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return due_ns.has_value() || stopping; });
      if (!AwaitDue(lock)) return;
      due_ns.reset();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  /// False when there is nothing more to do.
  bool AwaitDue(std::unique_lock<std::mutex>& lock) {
    while (!stopping) {
      const std::chrono::nanoseconds left(*due_ns - clock.MonotonicNanos());
      if (left.count() <= 0) return true;
      wake.wait_for(lock, left, [this] { return stopping; });
    }
    return false;
  }
};

DelayedJob::DelayedJob(std::string name, const io::Clock& clock, std::chrono::microseconds delay,
                       std::function<void()> job)
    : state_(std::make_unique<State>(clock, delay, std::move(job))) {
  state_->thread = std::thread([state = state_.get()] { state->Run(); });
  // The kernel keeps 15 characters.
  ::pthread_setname_np(state_->thread.native_handle(), name.substr(0, 15).c_str());
}

DelayedJob::~DelayedJob() { Stop(); }

void DelayedJob::Ask() {
  const std::lock_guard lock(state_->mutex);
  if (state_->due_ns.has_value()) return;
  state_->due_ns = state_->clock.MonotonicNanos() + state_->delay.count();
  state_->wake.notify_one();
}

void DelayedJob::Stop() {
  const std::lock_guard joining(state_->join_mutex);
  if (!state_->thread.joinable()) return;
  GRANARY_CHECK(state_->thread.get_id() != std::this_thread::get_id(), "a job may not stop itself");
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->wake.notify_one();
  }
  state_->thread.join();
}

}  // namespace granary::runtime
