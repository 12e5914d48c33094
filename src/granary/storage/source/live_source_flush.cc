// The way of a flush: seal, segments, manifest, swap.
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include <algorithm>

#include "granary/storage/source/live_source.h"
#include "granary/storage/source/quiet_locks.h"
#include "granary/storage/source/segment_set_writer.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kRowGroupRowsLeast = 1024;  ///< Fewer are not worth a row group.

std::int64_t RowGroupRows(const std::vector<HotChunk>& chunks, const StoreOptions& options) {
  std::uint64_t bytes = 0, rows = 0;
  for (const HotChunk& chunk : chunks) {
    bytes += static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*chunk.batch));
    rows += static_cast<std::uint64_t>(chunk.batch->num_rows());
  }
  const auto that_fit = static_cast<std::int64_t>(
      options.row_group_bytes /
      std::max<std::uint64_t>(bytes / std::max<std::uint64_t>(rows, 1), 1));
  return std::min(options.row_group_rows, std::max(that_fit, kRowGroupRowsLeast));
}

}  // namespace

Status LiveSource::Flush() {
  const std::uint64_t wanted = tiers_.visible_sequence();
  const std::lock_guard lock(flush_mutex_);
  if (context_->closed) return {Code::kUnavailable, "the store is shutting down"};
  {
    const std::lock_guard state(state_mutex_);
    GRANARY_TRY(refused_);
    if (dropped_) return NotFound();
  }
  // Somebody else's flush may have taken our rows along while we waited.
  if (tiers_.flushed_sequence() >= wanted) return Status::Ok();
  return FlushHot();
}

// flush_mutex_ is held.
Status LiveSource::FlushHot() {
  const SealedRows sealed = tiers_.Seal();
  if (sealed.rows == 0) return Status::Ok();
  return WriteAndCommit(sealed).At(fmt::format("flush of source \"{}\"", id().str()));
}

Result<SegmentId> LiveSource::NextSegmentId() { return context_->manifest->AllocateSegmentIds(1); }

// Of files in `schema`, which may be older than the definition: what names columns that it lacks is
// passed over.
SegmentSetOptions LiveSource::SetOptions(const SchemaPtr& schema,
                                         const std::vector<HotChunk>& chunks) const {
  const SourceShape now = shape();
  SegmentSetOptions options;
  options.folder = folder_;
  options.schema = schema;
  options.partitions = partitions_;
  for (const std::string& name : now.definition->sort_columns) {
    const Column* column = schema->FindId(now.schema->Find(name)->id);
    if (column != nullptr) options.sort_columns.push_back(column->id);
  }
  options.indexes = ResolveIndexes(*now.definition, *now.schema);
  std::erase_if(options.indexes,
                [&](const IndexKey& key) { return schema->FindId(key.column) == nullptr; });
  options.writer.compression = now.definition->compression;
  options.writer.row_group_rows = RowGroupRows(chunks, context_->options);
  options.writer.page_rows = context_->options.page_rows;
  options.writer.shred.paths_max = context_->options.shred_paths_max;
  options.file_bytes_max = std::uint64_t{now.definition->max_file_size_mb} << 20;
  options.created_us = context_->deps.clock.WallMicros();
  options.pool = &context_->deps.pool;
  return options;
}

// Files first, then the commit that makes them live and names the sequence that replay starts
// after, then the swap in memory. A crash before the commit leaves files that no manifest names,
// swept at the next start; the rows are still in the log. After it, replay skips the rows.
Status LiveSource::WriteAndCommit(const SealedRows& sealed) {
  const StoreDeps& deps = context_->deps;
  GRANARY_TRY(context_->manifest->closed_by());
  GRANARY_TRY(deps.failpoints.Hit("flush.before_segments"));

  // The schema of after the rows: never older than one of their chunks.
  const SegmentSetOptions options = SetOptions(schema(), sealed.chunks);
  GRANARY_ASSIGN(std::vector<SegmentMeta> written,
                 WriteSegments(deps.files, deps.failpoints, options, sealed.chunks,
                               [this] { return NextSegmentId(); }));
  Segments added;
  for (const SegmentMeta& meta : written) added.push_back(MakeSegment(meta, options.schema));
  Status failure = deps.failpoints.Hit("flush.after_segments");
  FlushedKeys replaced;
  // From here to the swap nobody marks what hot records replace.
  std::unique_lock<std::mutex> keys_lock;
  if (hot_keys_ != nullptr && failure.ok()) {
    failure = ViewWithKeys().status();  // Most of it without holding readers up.
    keys_lock = std::unique_lock(hot_keys_->mutex());
    if (failure.ok()) failure = ReplaceFlushed(sealed, added, replaced);
  }
  if (failure.ok()) failure = deps.failpoints.Hit("flush.before_manifest");
  if (failure.ok()) {
    FlushCommit flush{.source = uid(),
                      .added = written,
                      .flushed_sequence = sealed.last_sequence,
                      .last_write_us = last_write_us_,
                      .keys = {},
                      .deletes = replaced.changes};
    failure = CommitWithKeys(flush);
  }
  if (!failure.ok()) {
    // A commit whose outcome nobody knows may have named the files.
    if (context_->manifest->closed_by().ok()) {
      for (const SegmentMeta& meta : written) context_->segment_files.Forget(meta);
      DiscardSegments(deps.files, folder_, written);
    }
    return failure;
  }
  const Status after = deps.failpoints.Hit("flush.after_manifest");
  tiers_.Swap(std::move(added), sealed.last_sequence, replaced.changed);
  if (hot_keys_ != nullptr) {
    tiers_.Forget(replaced.changes.forgotten_sequence);
    hot_keys_->Flushed(sealed.last_sequence);
  }
  deps.log.Debug("flushed",
                 {{"source", id().str()}, {"rows", sealed.rows}, {"segments", written.size()}});
  return after;
}

}  // namespace granary::storage
