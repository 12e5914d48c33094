#include "granary/storage/source/moved_deletions.h"

#include <algorithm>

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

}  // namespace

Status ForEachSequence(const Segment& segment, const VisitRow& visit) {
  return VisitGroups(
      segment, [](std::uint64_t, std::uint64_t) { return true; }, visit);
}

Status CollectDeletedSince(const Segment& then, const Segment& now,
                           std::unordered_map<std::uint64_t, std::uint64_t>& moments) {
  if (now.deletions() == nullptr || now.deletions() == then.deletions()) return Status::Ok();
  RowSet rows = *now.deletions()->rows();
  if (then.deletions() != nullptr) rows.RemoveAll(*then.deletions()->rows());
  if (rows.empty()) return Status::Ok();
  return VisitGroups(
      now, [&](std::uint64_t begin, std::uint64_t end) { return rows.CountIn(begin, end) > 0; },
      [&](std::uint32_t row, std::uint64_t sequence) {
        if (rows.Contains(row)) moments.emplace(sequence, now.deletions()->MomentOf(row));
      });
}

Result<std::vector<EndedRow>> FindSequences(
    const Segment& segment, const std::unordered_map<std::uint64_t, std::uint64_t>& moments) {
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

}  // namespace granary::storage
