// The way of a bulk: sets of files, then one commit.
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>

#include "granary/storage/source/bulk_writer.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/schema_change.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kExactInFloat64 = std::int64_t{1} << 53;

bool IsExact(const Value& bound) {
  if (const auto* value = std::get_if<std::int64_t>(&bound))
    return *value >= -kExactInFloat64 && *value <= kExactInFloat64;
  if (const auto* value = std::get_if<std::uint64_t>(&bound))
    return *value <= static_cast<std::uint64_t>(kExactInFloat64);
  return false;
}

/// A column of integers in the segment that is of floats by now must hold none that a float does
/// not.
Status CheckFloats(const SegmentMeta& segment, const Schema& written, const Schema& now) {
  for (const Column& column : written.columns()) {
    const Column* later = now.FindId(column.id);
    if (later == nullptr || !column.type.IsInteger() || !later->type.IsFloat()) continue;
    const auto stats = segment.columns.find(column.id);
    if (IsSafeWidening(column.type, later->type) || stats == segment.columns.end()) continue;
    const bool none = stats->second.nulls == stats->second.rows;
    if (none || (IsExact(stats->second.min) && IsExact(stats->second.max))) continue;
    return {Code::kConflict,
            fmt::format("column \"{}\" is {} by now, which does not hold its integers exactly",
                        column.name, later->type.ToString())};
  }
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<BulkWrite>> LiveSource::StartBulk() {
  GRANARY_TRY(CheckWritable());
  return std::unique_ptr<BulkWrite>(std::make_unique<BulkWriter>(shared_from_this()));
}

Result<std::vector<SegmentMeta>> LiveSource::WriteBulkSet(const SchemaPtr& schema,
                                                          const std::vector<HotChunk>& chunks) {
  const std::shared_lock lock(bulk_mutex_);
  GRANARY_TRY(CheckWritable());
  GRANARY_TRY(context_->manifest->closed_by());
  const StoreDeps& deps = context_->deps;
  GRANARY_TRY(deps.failpoints.Hit("bulk.before_segments"));
  return WriteSegments(deps.files, deps.failpoints, SetOptions(schema), chunks,
                       [this] { return NextSegmentId(); });
}

// write_mutex_ is held, and no frame is on its way.
Status LiveSource::CheckBulkSchema(const BulkSet& bulk) {
  const SchemaPtr current = schema();
  if (!bulk.versions.empty()) {
    if (!(*current == *bulk.base)) {
      return {Code::kConflict,
              fmt::format("the schema of source \"{}\" was changed by others while these records, "
                          "which change it too, came in: send them again",
                          id().str())};
    }
    GRANARY_TRY(CheckWidenings(*current, *bulk.versions.back(), partitions_,
                               [&](ColumnId column) -> Result<ColumnStats> {
                                 return stats_.Get(tiers_.View(), current)[column];
                               }));
  }
  const Schema& now = bulk.versions.empty() ? *current : *bulk.versions.back();
  for (const SegmentMeta& segment : bulk.segments) {
    SchemaPtr written = bulk.base;
    for (const SchemaPtr& version : bulk.versions) {
      if (version->version() == segment.schema_version) written = version;
    }
    GRANARY_TRY(CheckFloats(segment, *written, now));
  }
  return Status::Ok();
}

// Under the lock of writes, so that sequences are given, committed and shown in one step: whoever
// saw a sequence has seen all below it. Frames that have theirs already come first.
Result<WriteOutcome> LiveSource::CommitBulk(BulkSet& bulk) {
  const std::lock_guard lock(write_mutex_);
  GRANARY_TRY(CheckWritable());
  if (last_log_ != nullptr) {
    if (const Status durable = last_log_->Wait(last_ticket_); !durable.ok())
      return LogFailed(durable);
    last_log_.reset();
    GRANARY_TRY(CheckWritable());
  }
  GRANARY_TRY(CheckBulkSchema(bulk));
  WriteOutcome outcome;
  outcome.first_sequence = next_sequence_;
  outcome.last_sequence = next_sequence_ + bulk.rows - 1;
  outcome.schema_version =
      bulk.versions.empty() ? schema()->version() : bulk.versions.back()->version();
  for (SegmentMeta& meta : bulk.segments) {
    meta.min_sequence += next_sequence_;
    meta.max_sequence += next_sequence_;
  }
  const StoreDeps& deps = context_->deps;
  const std::int64_t now_us = deps.clock.WallMicros();
  GRANARY_TRY(deps.failpoints.Hit("bulk.before_manifest"));
  GRANARY_TRY(context_->manifest->CommitBulk({uid(), bulk.versions, bulk.segments, now_us}));
  {
    const std::lock_guard state(state_mutex_);
    schemas_.insert(schemas_.end(), bulk.versions.begin(), bulk.versions.end());
  }
  next_sequence_ += bulk.rows;
  last_write_us_ = now_us;
  Segments added;
  for (SegmentMeta& meta : bulk.segments) {
    SchemaPtr written = FindSchema(meta.schema_version);
    added.push_back(std::make_shared<const Segment>(context_->segment_files, folder_,
                                                    std::move(meta), std::move(written)));
  }
  if (bulk.rows > 0) tiers_.AddSegments(std::move(added), outcome.last_sequence);
  bulk.segments.clear();
  ++declared_indexes_;  // Indexes may have been declared since the files were written.
  deps.log.Debug("bulk committed", {{"source", id().str()}, {"rows", bulk.rows}});
  GRANARY_TRY(deps.failpoints.Hit("bulk.after_manifest"));
  return outcome;
}

void LiveSource::DiscardBulk(const std::vector<SegmentMeta>& segments) {
  // A commit whose outcome nobody knows may have named the files.
  if (segments.empty() || !context_->manifest->closed_by().ok()) return;
  DiscardSegments(context_->deps.files, folder_, segments);
}

std::vector<SequenceRange> LiveSource::bulk_ranges() const {
  const TierView view = tiers_.View();
  std::vector<SequenceRange> ranges;
  for (const auto& segment : view.segments) {
    const SequenceRange range{segment->meta().min_sequence, segment->meta().max_sequence};
    if (range.last <= view.flushed_sequence) continue;
    if (!ranges.empty() && range.first <= ranges.back().last + 1)
      ranges.back().last = std::max(ranges.back().last, range.last);
    else
      ranges.push_back(range);
  }
  return ranges;
}

}  // namespace granary::storage
