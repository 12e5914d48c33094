#include "granary/runtime/worker_pool.h"

#include <fmt/format.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

#include "granary/base/check.h"
#include "granary/runtime/cpu_shares.h"
#include "granary/runtime/thread_wait.h"

namespace granary::runtime {
namespace {

// One ParallelFor: indices are handed out in order, so whatever fails, every lower index runs too,
// and the lowest failure is the one that a loop on one thread would have met.
class Loop {
 public:
  Loop(std::size_t count, const std::function<Status(std::size_t)>& body)
      : count_(count), body_(&body) {}

  // A helper that comes after the loop was closed must not touch `body`, which is gone by then.
  // False when it made way for others before the loop's end, and may come again.
  bool Help(const std::function<bool()>& makes_way) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return true;
      ++helpers_;
    }
    const bool done = Work(makes_way);
    const std::lock_guard lock(mutex_);
    if (--helpers_ == 0) idle_.notify_all();
    return done;
  }

  Status WorkAndWait() {
    Work(nullptr);
    std::unique_lock lock(mutex_);
    closed_ = true;
    if (helpers_ > 0) CpuShares::EndSlice();  // Whoever is waited for may need it.
    idle_.wait(lock, [this] { return helpers_ == 0; });
    return failure_;
  }

 private:
  // False when it stopped because `makes_way` said so.
  bool Work(const std::function<bool()>& makes_way) {
    while (!failed_.load(std::memory_order_relaxed)) {
      const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (index >= count_) return true;
      Status status = Call(index);
      if (!status.ok()) Fail(index, std::move(status));
      if (makes_way && makes_way()) return false;
    }
    return true;
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

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::int64_t CpuNs(::clockid_t clock) {
  ::timespec used{};
  if (::clock_gettime(clock, &used) != 0) return 0;
  return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

/// Spans of time that began, and for some ended, at moments of one clock.
class Spans {
 public:
  void Begin(std::int64_t now_ns) {
    ++open_;
    ended_ns_ -= now_ns;
  }
  void End(std::int64_t now_ns) {
    --open_;
    ended_ns_ += now_ns;
  }
  std::int64_t Sum(std::int64_t now_ns) const { return ended_ns_ + open_ * now_ns; }

 private:
  std::int64_t open_ = 0;
  std::int64_t ended_ns_ = 0;  // Without the beginnings of those that are open.
};

}  // namespace

/// What one owner has of the pool's work. Under the mutex of the pool.
struct WorkerPool::Share {
  struct Task {
    std::function<void()> run;
    std::int64_t came_ns = 0;
  };
  std::deque<Task> queue;
  std::size_t running = 0;
  std::size_t threads_max = 0;  // 0: any number.
  bool is_whole = true;         // The pool itself, and no share of another's.
  bool stopped = false;
  std::condition_variable idle;  // Neither queued nor running.

  bool MayRun() const { return threads_max == 0 || running < threads_max; }
};

struct WorkerPool::State : std::enable_shared_from_this<State> {
  explicit State(WorkerPoolOptions o) : options(o) {
    wanted = std::max<std::size_t>(options.threads, 1);
    on_demand_max = options.threads_max > wanted ? options.threads_max : 0;
  }
  using SharePtr = std::shared_ptr<Share>;

  /// Where a worker waits for a task. Shared with whoever calls it, who notifies without the mutex:
  /// the first thing that a woken worker does is to take that.
  struct Idle {
    std::condition_variable wake;
    bool called = false;
  };
  using IdlePtr = std::shared_ptr<Idle>;

  const WorkerPoolOptions options;
  std::atomic<bool> has_shares = false;
  std::size_t on_demand_max = 0;
  mutable std::mutex mutex;
  std::vector<IdlePtr> idle;    // The last to wait is called first: its memory is warm.
  std::list<SharePtr> waiting;  // Those with tasks that wait; who was served goes to the end.
  std::size_t queued = 0;       // Tasks, of all shares.
  std::size_t wanted = 1;       // Threads that stay,
  std::size_t residents = 0;    // and how many of that kind there are.
  std::size_t alive = 0;        // Workers that will still look at the queue.
  std::size_t running = 0;
  Spans alive_spans, busy_spans;
  std::int64_t ended_cpu_ns = 0;  // Of threads that are no more,
  std::int64_t ended_wait_ns = 0;
  std::set<int> numbers;  // Of those that are, as the kernel has them.
  std::int64_t waited_ns = 0;
  std::uint64_t started = 0;
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
      residents += life == Life::kWithPool;
      alive_spans.Begin(NowNs());
      ::pthread_setname_np(worker.native_handle(),
                           fmt::format("worker-{}", number).substr(0, 15).c_str());
    } catch (const std::system_error&) {
      threads.erase(number);
      GRANARY_CHECK(alive > 0, "no thread for a pool of {}", wanted);
    }
  }

  bool IsTooMany(Life life) const {
    return life == Life::kWithPool && residents > wanted && !stopping;
  }

  /// The share whose task is next; the end when there is none that may run.
  std::list<SharePtr>::iterator NextShare() {
    auto best = waiting.end();
    for (auto at = waiting.begin(); at != waiting.end(); ++at) {
      if (!(*at)->MayRun()) continue;
      if (best == waiting.end() || (*at)->running < (*best)->running) best = at;
    }
    return best;
  }
  bool HasWork() { return NextShare() != waiting.end(); }

  void Push(const SharePtr& share, std::function<void()> run) {
    share->queue.push_back({std::move(run), NowNs()});
    ++queued;
    if (share->queue.size() == 1) waiting.push_back(share);
  }

  /// Whether another share waits that has fewer of the workers.
  bool ShallMakeWay(const SharePtr& share) {
    if (!has_shares.load(std::memory_order_relaxed)) return false;
    const std::lock_guard lock(mutex);
    return std::any_of(waiting.begin(), waiting.end(), [&](const SharePtr& other) {
      return other != share && other->MayRun() && other->running < share->running;
    });
  }

  /// A thread that helps with `loop`, and comes again when it had to make way.
  void PushHelper(const SharePtr& share, const std::shared_ptr<Loop>& loop) {
    Push(share, [self = shared_from_this(), share, loop] {
      if (loop->Help([&] { return self->ShallMakeWay(share); })) return;
      const std::lock_guard lock(self->mutex);
      self->PushHelper(share, loop);
    });
  }

  // False when the thread is to end: none came for so long, or there are too many.
  bool WaitForWork(std::unique_lock<std::mutex>& lock, const IdlePtr& self, Life life) {
    const auto until = std::chrono::steady_clock::now() + options.idle_max;
    while (!stopping && !HasWork() && !IsTooMany(life)) {
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
    return !IsTooMany(life);
  }

  // Whoever called this worker for a task relies on it: the call goes on to another one. Those that
  // are busy look at the queue by themselves.
  void Leave(std::size_t number) {
    if (HasWork()) {
      if (const IdlePtr next = CallOne()) next->wake.notify_one();
    }
    ended.push_back(std::move(threads.extract(number).mapped()));
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
    const int own_number = OwnThreadNumber();
    std::unique_lock lock(mutex);
    numbers.insert(own_number);
    for (;;) {
      if (!WaitForWork(lock, self, life)) {
        Leave(number);
        break;
      }
      if (!HasWork()) break;
      RunFirst(lock);
    }
    --alive;
    residents -= life == Life::kWithPool;
    alive_spans.End(NowNs());
    ended_cpu_ns += CpuNs(CLOCK_THREAD_CPUTIME_ID);
    ended_wait_ns += std::max<std::int64_t>(CpuWaitOf(own_number).value_or(0), 1);
    numbers.erase(own_number);
  }

  void RunFirst(std::unique_lock<std::mutex>& lock) {
    const auto next = NextShare();
    const SharePtr share = *next;
    Share::Task task = std::move(share->queue.front());
    share->queue.pop_front();
    --queued;
    if (share->queue.empty())
      waiting.erase(next);
    else
      waiting.splice(waiting.end(), waiting, next);
    ++share->running;
    ++running;
    ++started;
    const std::int64_t now_ns = NowNs();
    waited_ns += now_ns - task.came_ns;
    busy_spans.Begin(now_ns);
    lock.unlock();
    task.run();
    task.run = nullptr;  // What it holds is let go outside the lock.
    CpuShares::EndSlice();
    const std::int64_t done_ns = NowNs();
    lock.lock();
    busy_spans.End(done_ns);
    --running;
    --share->running;
    if (share->running == 0 && share->queue.empty()) share->idle.notify_all();
  }

  // Under the mutex, under which threads that end leave `threads`.
  std::int64_t LivingCpuNs() {
    std::int64_t sum = 0;
    for (auto& [number, thread] : threads) {
      ::clockid_t clock{};
      if (::pthread_getcpuclockid(thread.native_handle(), &clock) == 0) sum += CpuNs(clock);
    }
    return sum;
  }
};

WorkerPool::WorkerPool(WorkerPoolOptions options)
    : state_(std::make_shared<State>(options)), share_(std::make_shared<Share>()) {
  const std::lock_guard lock(state_->mutex);
  while (state_->residents < state_->wanted) state_->Start(Life::kWithPool);
}

WorkerPool::WorkerPool(WorkerPool& of, std::size_t threads_max)
    : state_(of.state_), share_(std::make_shared<Share>()) {
  share_->threads_max = threads_max;
  share_->is_whole = false;
  state_->has_shares = true;
}

WorkerPool::~WorkerPool() { Stop(); }

// Tells a worker of what `push` puts into the line; false when there is none any more.
bool WorkerPool::Call(const std::function<void()>& push) {
  std::vector<std::thread> ended;
  State::IdlePtr called;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->alive == 0 || share_->stopped) return false;
    push();
    const std::size_t idle = state_->alive - state_->running;
    if (state_->queued > idle && state_->alive < state_->on_demand_max && !state_->stopping)
      state_->Start(Life::kWhileBusy);
    called = state_->CallOne();
    ended.swap(state_->ended);
  }
  if (called != nullptr) called->wake.notify_one();
  for (std::thread& thread : ended) thread.join();
  return true;
}

void WorkerPool::Submit(std::function<void()> task) {
  if (!Call([&] { state_->Push(share_, std::move(task)); })) task();
}

Status WorkerPool::ParallelFor(std::size_t count, std::size_t parallelism,
                               const std::function<Status(std::size_t)>& body) {
  const std::size_t helpers = std::min({std::max<std::size_t>(parallelism, 1),
                                        std::max<std::size_t>(count, 1), threads_most() + 1}) -
                              1;
  const auto loop = std::make_shared<Loop>(count, body);
  for (std::size_t i = 0; i < helpers; ++i) (void)Call([&] { state_->PushHelper(share_, loop); });
  return loop->WorkAndWait();
}

void WorkerPool::Limit(std::size_t threads_max) {
  std::vector<State::IdlePtr> called;
  {
    const std::lock_guard lock(state_->mutex);
    share_->threads_max = threads_max;
    while (State::IdlePtr one = state_->CallOne()) called.push_back(std::move(one));
  }
  for (const State::IdlePtr& one : called) one->wake.notify_one();
}

void WorkerPool::Resize(std::size_t threads) {
  std::vector<std::thread> ended;
  std::vector<State::IdlePtr> called;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return;
    state_->wanted = std::max<std::size_t>(threads, 1);
    for (std::size_t left = state_->wanted; state_->residents < state_->wanted && left > 0; --left)
      state_->Start(Life::kWithPool);
    if (state_->residents > state_->wanted)
      while (State::IdlePtr one = state_->CallOne()) called.push_back(std::move(one));
    ended.swap(state_->ended);
  }
  for (const State::IdlePtr& one : called) one->wake.notify_one();
  for (std::thread& thread : ended) thread.join();
}

void WorkerPool::Stop() {
  if (!share_->is_whole) {
    std::unique_lock lock(state_->mutex);
    share_->stopped = true;
    share_->idle.wait(lock, [this] { return share_->running == 0 && share_->queue.empty(); });
    return;
  }
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

std::size_t WorkerPool::threads_most() const {
  const std::lock_guard lock(state_->mutex);
  return std::max(state_->wanted, state_->on_demand_max);
}

WorkerPoolUse WorkerPool::use() const {
  const std::lock_guard lock(state_->mutex);
  const std::int64_t now_ns = NowNs();
  WorkerPoolUse out;
  out.size = state_->wanted;
  out.running = state_->running;
  for (const State::SharePtr& share : state_->waiting) {
    if (!share->MayRun()) continue;  // More workers would not help it.
    out.queued += share->queue.size();
    out.oldest_wait_ns = std::max(out.oldest_wait_ns, now_ns - share->queue.front().came_ns);
  }
  out.alive_ns = state_->alive_spans.Sum(now_ns);
  out.busy_ns = state_->busy_spans.Sum(now_ns);
  out.cpu_ns = state_->ended_cpu_ns + state_->LivingCpuNs();
  out.waited_ns = state_->waited_ns;
  out.started = state_->started;
  return out;
}

std::optional<std::int64_t> WorkerPool::cpu_wait_ns() const {
  std::set<int> numbers;
  std::int64_t ended_ns = 0;
  {
    const std::lock_guard lock(state_->mutex);
    numbers = state_->numbers;
    ended_ns = state_->ended_wait_ns;
  }
  std::int64_t sum = ended_ns;
  for (const int number : numbers) {
    const auto waited = CpuWaitOf(number);
    if (!waited) return std::nullopt;
    sum += *waited;
  }
  const std::lock_guard lock(state_->mutex);
  // One that ended meanwhile may be counted twice, or not at all.
  return state_->ended_wait_ns == ended_ns ? std::optional(sum) : std::nullopt;
}

std::size_t WorkerPool::size() const {
  const std::lock_guard lock(state_->mutex);
  const std::size_t most = share_->threads_max;
  return most == 0 ? state_->wanted : std::min(most, state_->wanted);
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->alive;
}

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queued;
}

std::size_t WorkerPool::running() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running;
}

}  // namespace granary::runtime
