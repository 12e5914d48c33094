#include "granary/runtime/job_threads.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "granary/base/check.h"
#include "granary/runtime/job_thread.h"
#include "granary/runtime/worker_pool.h"

namespace granary::runtime {

struct JobThreads::Job {
  std::function<void()> call;
  // Under the mutex of the threads:
  std::optional<Moment> due;
  bool waits = false;  // For a thread.
  std::optional<std::thread::id> runs_on;
  bool removed = false;
};

struct JobThreads::State {
  explicit State(std::size_t threads_max) : pool({.threads = 1, .threads_max = threads_max}) {
    timer.Start("jobs", [this] { Run(); });
  }

  // A job that waits or runs is in no list: what it is asked for meanwhile is looked at afterwards.
  void Schedule(const JobPtr& job) {
    if (job->removed || job->waits || job->runs_on || !job->due) return;
    due.insert({*job->due, job});
    if (due.begin()->second == job) timer.wake.notify_one();
  }

  void Run() {
    std::unique_lock lock(timer.mutex);
    while (!timer.stopping) {
      if (due.empty()) {
        timer.wake.wait(lock);
        continue;
      }
      const auto first = due.begin();
      if (first->first > std::chrono::steady_clock::now()) {
        const Moment until = first->first;
        timer.wake.wait_until(lock, until);
        continue;
      }
      const JobPtr job = first->second;
      due.erase(first);
      job->due.reset();
      job->waits = true;
      lock.unlock();
      pool.Submit([this, job] { Call(job); });
      lock.lock();
    }
  }

  void Call(const JobPtr& job) {
    std::unique_lock lock(timer.mutex);
    job->waits = false;
    if (!job->removed) {
      job->runs_on = std::this_thread::get_id();
      lock.unlock();
      job->call();
      lock.lock();
      job->runs_on.reset();
    }
    Schedule(job);
    ended.notify_all();
  }

  std::set<std::pair<Moment, JobPtr>> due;  // Guarded by timer.mutex, as all of the jobs.
  std::condition_variable ended;
  WorkerPool pool;
  JobThread timer;
};

JobThreads::JobThreads(std::size_t threads_max) : state_(std::make_unique<State>(threads_max)) {}

JobThreads::~JobThreads() {
  state_->timer.Stop();
  state_->pool.Stop();
}

JobThreads::JobPtr JobThreads::Add(std::function<void()> call) {
  auto job = std::make_shared<Job>();
  job->call = std::move(call);
  return job;
}

void JobThreads::At(const JobPtr& job, Moment when) {
  const std::lock_guard lock(state_->timer.mutex);
  if (job->due && *job->due <= when) return;
  if (job->due) state_->due.erase({*job->due, job});
  job->due = when;
  state_->Schedule(job);
}

void JobThreads::Remove(const JobPtr& job) {
  std::unique_lock lock(state_->timer.mutex);
  GRANARY_CHECK(job->runs_on != std::this_thread::get_id(), "a job may not remove itself");
  job->removed = true;
  if (job->due) state_->due.erase({*job->due, job});
  job->due.reset();
  // Also for one that waits for a thread: what it would touch may be gone by then.
  state_->ended.wait(lock, [&] { return !job->waits && !job->runs_on; });
}

}  // namespace granary::runtime
