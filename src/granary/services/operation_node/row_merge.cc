#include "granary/services/operation_node/row_merge.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

#include <arrow/record_batch.h>

namespace granary::operation {
namespace {

/// What is in front of the source's rank: compares across parts.
std::string_view Shared(std::string_view key) {
  return key.substr(0, key.size() - query::kKeyRankBytes);
}

}  // namespace

RowMerge::RowMerge(PartSource& parts, MergeOrder order)
    : parts_(parts), order_(order), heads_(parts.size()) {}

Status RowMerge::Failed(std::size_t part, Status why) {
  failed_ = part;
  return why;
}

Status RowMerge::Start() {
  std::optional<std::string> shape;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    auto frame = parts_.Next(i);
    if (!frame.ok()) return Failed(i, frame.status());
    auto* start = std::get_if<PartStart>(&*frame);
    if (start == nullptr) return Failed(i, Status::Corruption("its node's answer has no start"));
    heads_[i].progress.anchor = std::move(start->anchor);
    // Of a part that has nothing left no keys come.
    if (start->key_shape.empty()) continue;
    if (shape && *shape != start->key_shape) {
      return Failed(i, {Code::kCursorExpired,
                        "columns that the search is ordered by have other types than when it "
                        "began: search again without a cursor"});
    }
    shape = std::move(start->key_shape);
  }
  return Status::Ok();
}

Status RowMerge::Load(std::size_t part) {
  Head& head = heads_[part];
  head.rows.reset();
  head.at = 0;
  if (head.ended) return Status::Ok();
  auto frame = parts_.Next(part);
  if (!frame.ok()) return Failed(part, frame.status());
  if (auto* rows = std::get_if<api::PartRows>(&*frame)) {
    if (order_ == MergeOrder::kByKey && rows->keys.empty())
      return Failed(part, Status::Corruption("its node's rows have no keys"));
    head.used.assign(rows->batches.size(), 0);
    head.rows = std::move(*rows);
    return Status::Ok();
  }
  auto* end = std::get_if<api::PartEnd>(&*frame);
  if (end == nullptr) return Failed(part, Status::Corruption("its node's answer is out of order"));
  head.ended = true;
  head.progress.whole = true;
  head.progress.next_cursor = std::move(end->end.next_cursor);
  head.progress.stats = std::move(end->end.stats);
  return Status::Ok();
}

Status RowMerge::Flush(std::size_t part, const query::SearchSink& sink) {
  if (slice_.count == 0) return Status::Ok();
  const query::ResultBatch& whole = heads_[part].rows->batches[slice_.batch];
  query::ResultBatch rows{whole.source, whole.columns,
                          whole.batch->Slice(slice_.first, slice_.count)};
  rows.tenant = whole.tenant;
  slice_.count = 0;
  return sink(rows);
}

Status RowMerge::Take(std::size_t part, const query::SearchSink& sink) {
  Head& head = heads_[part];
  const std::uint32_t batch = head.rows->order[head.at];
  if (slice_.count > 0 && slice_.batch != batch) GRANARY_TRY(Flush(part, sink));
  if (slice_.count == 0) slice_ = {batch, head.used[batch], 0};
  ++slice_.count;
  ++head.used[batch];
  ++head.progress.taken;
  ++rows_;
  --left_;
  if (++head.at < head.rows->order.size()) return Status::Ok();
  GRANARY_TRY(Flush(part, sink));
  head.rows.reset();
  return Status::Ok();
}

Status RowMerge::Step(std::size_t part, const query::SearchSink& sink) {
  GRANARY_TRY(Take(part, sink));
  return heads_[part].rows ? Status::Ok() : Load(part);
}

Status RowMerge::LookBehind(std::size_t part) {
  for (; part < heads_.size(); ++part) {
    if (!heads_[part].rows && !heads_[part].ended) GRANARY_TRY(Load(part));
    if (heads_[part].rows || heads_[part].progress.next_cursor) break;
  }
  return Status::Ok();
}

bool RowMerge::ComesAfter(std::size_t a, std::size_t b) const {
  const int by_key = Shared(heads_[a].key()).compare(Shared(heads_[b].key()));
  return by_key != 0 ? by_key > 0 : a > b;
}

Status RowMerge::RunByKey(const query::SearchSink& sink) {
  std::vector<std::size_t> heap;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    GRANARY_TRY(Load(i));
    if (heads_[i].rows) heap.push_back(i);
  }
  const auto after = [this](std::size_t a, std::size_t b) { return ComesAfter(a, b); };
  std::make_heap(heap.begin(), heap.end(), after);
  while (!heap.empty() && left_ > 0) {
    std::pop_heap(heap.begin(), heap.end(), after);
    const std::size_t part = heap.back();
    heap.pop_back();
    // As long as it is the first of all, which often is for many rows.
    do {
      GRANARY_TRY(Step(part, sink));
    } while (left_ > 0 && heads_[part].rows && (heap.empty() || !ComesAfter(part, heap.front())));
    if (!heads_[part].rows) continue;
    GRANARY_TRY(Flush(part, sink));
    heap.push_back(part);
    std::push_heap(heap.begin(), heap.end(), after);
  }
  return Status::Ok();
}

Status RowMerge::RunPart(std::size_t part, const query::SearchSink& sink) {
  if (!heads_[part].rows) GRANARY_TRY(Load(part));
  while (heads_[part].rows && left_ > 0) GRANARY_TRY(Step(part, sink));
  return heads_[part].rows ? Flush(part, sink) : Status::Ok();
}

Status RowMerge::RunAsTheyCome(const query::SearchSink& sink) {
  std::vector<std::size_t> open(heads_.size());
  std::iota(open.begin(), open.end(), std::size_t{0});
  while (!open.empty() && left_ > 0) {
    GRANARY_ASSIGN(const std::size_t part, parts_.WaitAny(open));
    GRANARY_TRY(Load(part));
    // Of this frame alone: what comes next may be another part's.
    while (heads_[part].rows && left_ > 0) GRANARY_TRY(Take(part, sink));
    if (heads_[part].rows) GRANARY_TRY(Flush(part, sink));
    std::erase(open, part);
    if (!heads_[part].ended) open.push_back(part);  // Behind the others, which may have come, too.
  }
  return Status::Ok();
}

Status RowMerge::Run(std::optional<std::uint64_t> limit, const query::SearchSink& sink) {
  left_ = limit.value_or(~std::uint64_t{0});
  switch (order_) {
    case MergeOrder::kByKey: return RunByKey(sink);
    case MergeOrder::kAsTheyCome: return RunAsTheyCome(sink);
    case MergeOrder::kByPart: break;
  }
  std::size_t part = 0;
  while (part < heads_.size()) {
    GRANARY_TRY(RunPart(part, sink));
    if (left_ == 0) break;
    ++part;
  }
  return left_ == 0 ? LookBehind(part) : Status::Ok();
}

}  // namespace granary::operation
