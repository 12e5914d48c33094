#include "granary/runtime/periodic.h"

#include <mutex>
#include <utility>

#include "granary/runtime/job_thread.h"
#include "granary/runtime/job_threads.h"

namespace granary::runtime {

struct PeriodicJob::State {
  virtual ~State() = default;
  virtual void Poke() = 0;
  virtual void Stop() = 0;
};

struct PeriodicJob::OwnThread final : State {
  OwnThread(const std::string& name, std::chrono::milliseconds interval_in,
            std::function<void()> job_in)
      : interval(interval_in), job(std::move(job_in)) {
    thread.Start(name, [this] { Run(); });
  }

  void Run() {
    std::unique_lock lock(thread.mutex);
    for (;;) {
      thread.wake.wait_for(lock, interval, [this] { return poked || thread.stopping; });
      if (thread.stopping) return;
      poked = false;
      lock.unlock();
      job();
      lock.lock();
    }
  }

  void Poke() override {
    const std::lock_guard lock(thread.mutex);
    poked = true;
    thread.wake.notify_one();
  }
  void Stop() override { thread.Stop(); }

  const std::chrono::milliseconds interval;
  const std::function<void()> job;
  JobThread thread;
  bool poked = false;
};

struct PeriodicJob::SharedThreads final : State {
  SharedThreads(JobThreads& threads_in, std::chrono::milliseconds interval_in,
                std::function<void()> job_in)
      : threads(threads_in), interval(interval_in), job(std::move(job_in)) {
    entry = threads.Add([this] {
      job();
      threads.At(entry, std::chrono::steady_clock::now() + interval);
    });
    threads.At(entry, std::chrono::steady_clock::now() + interval);
  }

  void Poke() override { threads.At(entry, std::chrono::steady_clock::now()); }
  void Stop() override { threads.Remove(entry); }

  JobThreads& threads;
  const std::chrono::milliseconds interval;
  const std::function<void()> job;
  JobThreads::JobPtr entry;
};

PeriodicJob::PeriodicJob(std::string name, std::chrono::milliseconds interval,
                         std::function<void()> job, JobThreads* shared) {
  if (shared == nullptr)
    state_ = std::make_unique<OwnThread>(name, interval, std::move(job));
  else
    state_ = std::make_unique<SharedThreads>(*shared, interval, std::move(job));
}

PeriodicJob::~PeriodicJob() { Stop(); }

void PeriodicJob::Poke() { state_->Poke(); }

void PeriodicJob::Stop() { state_->Stop(); }

}  // namespace granary::runtime
