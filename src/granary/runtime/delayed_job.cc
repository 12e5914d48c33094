#include "granary/runtime/delayed_job.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "granary/runtime/job_thread.h"
#include "granary/runtime/job_threads.h"

namespace granary::runtime {

struct DelayedJob::State {
  virtual ~State() = default;
  virtual void Ask() = 0;
  virtual void Stop() = 0;
};

struct DelayedJob::OwnThread final : State {
  OwnThread(const std::string& name, const io::Clock& clock_in, std::chrono::nanoseconds delay_in,
            std::function<void()> job_in)
      : clock(clock_in), delay(delay_in), job(std::move(job_in)) {
    thread.Start(name, [this] { Run(); });
  }

  void Ask() override {
    const std::lock_guard lock(thread.mutex);
    if (due_ns.has_value()) return;
    due_ns = clock.MonotonicNanos() + delay.count();
    thread.wake.notify_one();
  }
  void Stop() override { thread.Stop(); }

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

// At keeps the earlier of two moments: what was asked for stays as it is.
struct DelayedJob::SharedThreads final : State {
  SharedThreads(JobThreads& threads_in, std::chrono::nanoseconds delay_in,
                std::function<void()> job)
      : threads(threads_in), delay(delay_in), entry(threads.Add(std::move(job))) {}

  void Ask() override { threads.At(entry, std::chrono::steady_clock::now() + delay); }
  void Stop() override { threads.Remove(entry); }

  JobThreads& threads;
  const std::chrono::nanoseconds delay;
  const JobThreads::JobPtr entry;
};

DelayedJob::DelayedJob(std::string name, const io::Clock& clock, std::chrono::microseconds delay,
                       std::function<void()> job, JobThreads* shared) {
  if (shared == nullptr)
    state_ = std::make_unique<OwnThread>(name, clock, delay, std::move(job));
  else
    state_ = std::make_unique<SharedThreads>(*shared, delay, std::move(job));
}

DelayedJob::~DelayedJob() { Stop(); }

void DelayedJob::Ask() { state_->Ask(); }

void DelayedJob::Stop() { state_->Stop(); }

}  // namespace granary::runtime
