#include "granary/query/exec/ordered_emitter.h"

#include <arrow/record_batch.h>

#include <algorithm>

#include "granary/query/exec/result_rows.h"

namespace granary::query {

OrderedEmitter::OrderedEmitter(const SearchSink& sink, std::optional<std::uint64_t> limit,
                               std::int64_t batch_rows, std::size_t window)
    : sink_(sink), batch_rows_(batch_rows), window_(window), left_(limit) {}

bool OrderedEmitter::WaitForTurn(std::size_t index) {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [&] { return stopped_ || index < next_ + window_; });
  return !stopped_;
}

void OrderedEmitter::Deliver(std::size_t index, std::optional<MorselRows> rows) {
  std::unique_lock lock(mutex_);
  ready_.emplace(index, std::move(rows));
  if (emitting_) return;
  emitting_ = true;
  for (auto first = ready_.begin(); !stopped_ && first != ready_.end() && first->first == next_;
       first = ready_.begin()) {
    const std::size_t number = first->first;
    const std::optional<MorselRows> morsel = std::move(first->second);
    ready_.erase(first);
    lock.unlock();
    const Status emitted = morsel ? Emit(number, *morsel) : Status::Ok();
    lock.lock();
    ++next_;
    if (!emitted.ok()) status_ = emitted;
    if (!emitted.ok() || left_ == 0) stopped_ = true;
    moved_.notify_all();
  }
  emitting_ = false;
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
  return EmitSlices(wanted, batch_rows_, sink_);
}

void OrderedEmitter::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  moved_.notify_all();
}

bool OrderedEmitter::IsNext(std::size_t index) const {
  const std::lock_guard lock(mutex_);
  return index == next_;
}

bool OrderedEmitter::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

Status OrderedEmitter::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace granary::query
