#include "granary/runtime/periodic.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "granary/base/check.h"

namespace granary::runtime {

struct PeriodicJob::State {
  std::chrono::milliseconds interval;
  std::function<void()> job;
  std::mutex mutex;
  std::condition_variable wake;
  bool poked = false;
  bool stopping = false;
  std::mutex join_mutex;  // Taken before `mutex`.
  std::thread thread;

  void Run() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait_for(lock, interval, [this] { return poked || stopping; });
      if (stopping) return;
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
  state_->thread = std::thread([state = state_.get()] { state->Run(); });
  // The kernel keeps 15 characters.
  ::pthread_setname_np(state_->thread.native_handle(), name.substr(0, 15).c_str());
}

PeriodicJob::~PeriodicJob() { Stop(); }

void PeriodicJob::Poke() {
  const std::lock_guard lock(state_->mutex);
  state_->poked = true;
  state_->wake.notify_one();
}

void PeriodicJob::Stop() {
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
