#include "granary/runtime/delayed_job.h"

#include <cstdint>
#include <mutex>
#include <optional>

#include "granary/runtime/job_thread.h"

namespace granary::runtime {

struct DelayedJob::State {
  State(const io::Clock& clock_in, std::chrono::nanoseconds delay_in, std::function<void()> job_in)
      : clock(clock_in), delay(delay_in), job(std::move(job_in)) {}

  const io::Clock& clock;
  const std::chrono::nanoseconds delay;
  const std::function<void()> job;
  JobThread thread;
  std::optional<std::int64_t> due_ns;

  void Run() {
    std::unique_lock lock(thread.mutex);
    for (;;) {
      thread.wake.wait(lock, [this] { return due_ns.has_value() || thread.stopping; });
      if (!AwaitDue(lock)) return;
      due_ns.reset();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  /// False when there is nothing more to do.
  bool AwaitDue(std::unique_lock<std::mutex>& lock) {
    while (!thread.stopping) {
      const std::chrono::nanoseconds left(*due_ns - clock.MonotonicNanos());
      if (left.count() <= 0) return true;
      thread.wake.wait_for(lock, left, [this] { return thread.stopping; });
    }
    return false;
  }
};

DelayedJob::DelayedJob(std::string name, const io::Clock& clock, std::chrono::microseconds delay,
                       std::function<void()> job)
    : state_(std::make_unique<State>(clock, delay, std::move(job))) {
  state_->thread.Start(name, [state = state_.get()] { state->Run(); });
}

DelayedJob::~DelayedJob() { Stop(); }

void DelayedJob::Ask() {
  const std::lock_guard lock(state_->thread.mutex);
  if (state_->due_ns.has_value()) return;
  state_->due_ns = state_->clock.MonotonicNanos() + state_->delay.count();
  state_->thread.wake.notify_one();
}

void DelayedJob::Stop() { state_->thread.Stop(); }

}  // namespace granary::runtime
