#include "granary/storage/source/moved_deletions.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>

namespace granary::storage {
namespace {

using VisitRow = std::function<void(std::uint32_t row, std::uint64_t sequence)>;
using TakesGroup = std::function<bool(std::uint64_t begin, std::uint64_t end)>;

Status VisitGroups(const Segment& segment, const TakesGroup& takes, const VisitRow& visit) {
  GRANARY_ASSIGN(const auto reader, segment.Reader());
  std::uint64_t begin = 0;
  for (int group = 0; group < reader->row_groups(); ++group) {
    const std::uint64_t end = begin + static_cast<std::uint64_t>(reader->rows(group));
    if (takes(begin, end)) {
      GRANARY_ASSIGN(const auto batch,
                     reader->Read(group, {&kSequenceColumnId, 1}, *segment.file_schema()));
      const auto& sequences = static_cast<const arrow::Int64Array&>(*batch->column(0));
      for (std::int64_t i = 0; i < sequences.length(); ++i) {
        visit(static_cast<std::uint32_t>(begin) + static_cast<std::uint32_t>(i),
              static_cast<std::uint64_t>(sequences.Value(i)));
      }
    }
    begin = end;
  }
  return Status::Ok();
}

/// By sequence.
using Moments = std::unordered_map<std::uint64_t, std::uint64_t>;

/// Rows that a file lacks now and did not before.
struct DeletedSince {
  DeletedSince(const Segment& then, std::shared_ptr<const Segment> now_segment)
      : now(std::move(now_segment)) {
    if (now->deletions() == nullptr) return;
    rows = *now->deletions()->rows();
    if (then.deletions() != nullptr) rows.RemoveAll(*then.deletions()->rows());
  }
  std::shared_ptr<const Segment> now;
  RowSet rows;
};

Status Collect(const DeletedSince& deleted, Moments& moments) {
  if (deleted.rows.empty()) return Status::Ok();
  return VisitGroups(
      *deleted.now,
      [&](std::uint64_t begin, std::uint64_t end) { return deleted.rows.CountIn(begin, end) > 0; },
      [&](std::uint32_t row, std::uint64_t sequence) {
        if (deleted.rows.Contains(row))
          moments.emplace(sequence, deleted.now->deletions()->MomentOf(row));
      });
}

}  // namespace

Status ForEachSequence(const Segment& segment, const VisitRow& visit) {
  return VisitGroups(
      segment, [](std::uint64_t, std::uint64_t) { return true; }, visit);
}

Result<std::vector<EndedRow>> FindSequences(const Segment& segment, const Moments& moments) {
  std::vector<EndedRow> ended;
  const SegmentMeta& meta = segment.meta();
  const bool may_hold = std::any_of(moments.begin(), moments.end(), [&](const auto& moment) {
    return moment.first >= meta.min_sequence && moment.first <= meta.max_sequence;
  });
  if (!may_hold) return ended;
  GRANARY_TRY(ForEachSequence(segment, [&](std::uint32_t row, std::uint64_t sequence) {
    if (const auto found = moments.find(sequence); found != moments.end())
      ended.push_back({row, found->second});
  }));
  return ended;
}

Status MovedDeletions::Reserve(std::uint64_t rows) {
  const std::uint64_t bytes = (found_ + rows) * kRowBytes;
  if (const runtime::MemoryBudget* refused_by = memory_.GrowTo(bytes); refused_by != nullptr)
    return runtime::OutOfMemory(*refused_by, bytes)
        .At("rows that were deleted while their files were merged");
  return Status::Ok();
}

Result<std::uint64_t> MovedDeletions::Follow(const Segments& live, const Segments& made) {
  std::vector<DeletedSince> deleted;
  std::uint64_t rows = 0;
  Segments next = seen_;
  for (auto& then : next) {
    for (const auto& now : live) {
      if (then->meta().id != now->meta().id || then->deletions() == now->deletions()) continue;
      deleted.push_back(DeletedSince(*then, now));
      rows += deleted.back().rows.count();
      then = now;
    }
  }
  ended_.resize(made.size());
  if (rows == 0) {
    seen_ = std::move(next);
    return rows;
  }
  GRANARY_TRY(Reserve(rows));
  Moments moments;
  moments.reserve(rows);
  for (const DeletedSince& one : deleted) GRANARY_TRY(Collect(one, moments));
  for (std::size_t file = 0; file < made.size(); ++file) {
    GRANARY_ASSIGN(const std::vector<EndedRow> ended, FindSequences(*made[file], moments));
    ended_[file].insert(ended_[file].end(), ended.begin(), ended.end());
  }
  found_ += rows;
  seen_ = std::move(next);
  return rows;
}

std::vector<EndedRow> MovedDeletions::Take(std::size_t file) {
  return std::exchange(ended_.at(file), {});
}

}  // namespace granary::storage
