#include "granary/runtime/periodic.h"

#include <mutex>

#include "granary/runtime/job_thread.h"

namespace granary::runtime {

struct PeriodicJob::State {
  std::chrono::milliseconds interval;
  std::function<void()> job;
  JobThread thread;
  bool poked = false;

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
};

PeriodicJob::PeriodicJob(std::string name, std::chrono::milliseconds interval,
                         std::function<void()> job)
    : state_(std::make_unique<State>()) {
  state_->interval = interval;
  state_->job = std::move(job);
  state_->thread.Start(name, [state = state_.get()] { state->Run(); });
}

PeriodicJob::~PeriodicJob() { Stop(); }

void PeriodicJob::Poke() {
  const std::lock_guard lock(state_->thread.mutex);
  state_->poked = true;
  state_->thread.wake.notify_one();
}

void PeriodicJob::Stop() { state_->thread.Stop(); }

}  // namespace granary::runtime
