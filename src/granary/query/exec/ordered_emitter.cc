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

void OrderedEmitter::Deliver(std::size_t index, std::optional<ResultBatch> rows) {
  std::unique_lock lock(mutex_);
  ready_.emplace(index, std::move(rows));
  if (emitting_) return;
  emitting_ = true;
  for (auto first = ready_.begin(); !stopped_ && first != ready_.end() && first->first == next_;
       first = ready_.begin()) {
    const std::optional<ResultBatch> batch = std::move(first->second);
    ready_.erase(first);
    lock.unlock();
    const Status emitted = batch ? Emit(*batch) : Status::Ok();
    lock.lock();
    ++next_;
    if (!emitted.ok()) status_ = emitted;
    if (!emitted.ok() || left_ == 0) stopped_ = true;
    moved_.notify_all();
  }
  emitting_ = false;
}

Status OrderedEmitter::Emit(const ResultBatch& rows) {
  ResultBatch wanted = rows;
  const auto count = static_cast<std::uint64_t>(rows.batch->num_rows());
  if (left_) {
    if (count > *left_) wanted.batch = rows.batch->Slice(0, static_cast<std::int64_t>(*left_));
    *left_ -= std::min(count, *left_);
  }
  return EmitSlices(wanted, batch_rows_, sink_);
}

void OrderedEmitter::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  moved_.notify_all();
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
