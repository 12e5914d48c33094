#include "granary/query/exec/ordered_emitter.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "granary/query/exec/result_rows.h"
#include "granary/runtime/worker_pool.h"

namespace granary::query {

/// What caller and workers share. A worker whose task comes after the end finds it closed and
/// touches nothing else.
class OrderedEmitter::Ahead {
 public:
  using Computed = Result<std::optional<MorselRows>>;

  Ahead(std::size_t count, std::size_t window, const ComputeFn& compute, QueryStats& stats)
      : count_(count), window_(window), compute_(&compute), stats_(stats) {}

  /// How many more workers would have something to do beside the caller, at most `workers` in all;
  /// they are counted as called.
  std::size_t Call(std::size_t workers) {
    const std::lock_guard lock(mutex_);
    const std::size_t left = Wanted() - started_;
    const std::size_t called =
        left < 2 ? 0 : std::min(workers - std::min(workers, called_), left - 1);
    called_ += called;
    return called;
  }

  void Help() {
    std::unique_lock lock(mutex_);
    while (!closed_ && started_ < Wanted()) ComputeOne(lock);
    --called_;
  }

  /// The next result; computes it when nobody does. Never a later one: whoever waits for memory
  /// must not be the one that could hand on what is ready.
  Computed Take() {
    std::unique_lock lock(mutex_);
    for (auto found = ready_.begin();; found = ready_.begin()) {
      if (found != ready_.end() && found->first == next_) {
        Computed computed = std::move(found->second);
        ready_.erase(found);
        ++next_;
        return computed;
      }
      if (returned_.erase(next_) > 0)
        ComputeAt(next_, lock);
      else if (!closed_ && started_ == next_)
        ComputeOne(lock);
      else
        changed_.wait(lock, [&] { return ready_.contains(next_) || returned_.contains(next_); });
    }
  }

  /// Nothing is left of the query then, though a worker may still come.
  void Close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.wait(lock, [this] { return computing_ == 0; });
    ready_.clear();
  }

 private:
  std::size_t Wanted() const { return std::min(count_, next_ + window_); }

  void ComputeOne(std::unique_lock<std::mutex>& lock) { ComputeAt(started_++, lock); }

  void ComputeAt(std::size_t index, std::unique_lock<std::mutex>& lock) {
    ++computing_;
    lock.unlock();
    QueryStats stats;
    const auto goes_first = [this, index] {
      const std::lock_guard look(mutex_);
      return index == next_;
    };
    Computed computed = Compute(index, goes_first, stats);
    lock.lock();
    stats_.Add(stats);
    if (computed.status().code() == Code::kOverloaded && index != next_) {
      // No memory to compute it ahead: when it is next, it gets some.
      returned_.insert(index);
    } else {
      if (!computed.ok()) closed_ = true;  // What comes after it is not wanted.
      ready_.emplace(index, std::move(computed));
    }
    --computing_;
    changed_.notify_all();
  }

  Computed Compute(std::size_t index, const std::function<bool()>& goes_first,
                   QueryStats& stats) const {
    try {
      return (*compute_)(index, goes_first, stats);
    } catch (const std::exception& e) {
      return Status::Internal(e.what());
    }
  }

  const std::size_t count_;
  const std::size_t window_;
  const ComputeFn* const compute_;
  QueryStats& stats_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, Computed> ready_;
  std::set<std::size_t> returned_;  // Begun and given up.
  std::size_t started_ = 0;
  std::size_t next_ = 0;       // To be emitted.
  std::size_t called_ = 0;     // Workers that come or are here.
  std::size_t computing_ = 0;  // Results in hand, the caller's too.
  bool closed_ = false;
};

OrderedEmitter::OrderedEmitter(const SearchSink& sink, std::optional<std::uint64_t> limit,
                               const QueryContext& context)
    : sink_(sink), context_(context), left_(limit) {}

Status OrderedEmitter::Run(std::size_t count, const ComputeFn& compute, QueryStats& stats) {
  const std::size_t threads = std::max<std::size_t>(context_.parallelism, 1);
  const auto ahead = std::make_shared<Ahead>(count, 2 * threads, compute, stats);
  // Also when the sink throws: helpers must not outlive what they refer to.
  const std::shared_ptr<void> closes(nullptr, [&ahead](void*) { ahead->Close(); });
  Status status;
  for (std::size_t index = 0; index < count && status.ok() && left_ != 0; ++index) {
    for (std::size_t called = ahead->Call(threads); called > 0; --called)
      context_.pool.Submit([ahead] { ahead->Help(); });
    const Ahead::Computed computed = ahead->Take();
    status = computed.status();
    if (status.ok() && *computed) status = Emit(index, **computed);
  }
  return status;
}

Status OrderedEmitter::Emit(std::size_t index, const MorselRows& morsel) {
  ResultBatch wanted = morsel.rows;
  const auto count = static_cast<std::uint64_t>(wanted.batch->num_rows());
  const std::uint64_t taken = left_ ? std::min(count, *left_) : count;
  if (taken == 0) return Status::Ok();
  if (taken < count) wanted.batch = wanted.batch->Slice(0, static_cast<std::int64_t>(taken));
  if (left_) *left_ -= taken;
  const std::size_t at = static_cast<std::size_t>(taken) - 1;
  last_ = {index, morsel.chosen ? (*morsel.chosen)[at] : static_cast<std::int32_t>(at),
           taken < count};
  return EmitSlices(wanted, context_.batch_rows, sink_);
}

}  // namespace granary::query
