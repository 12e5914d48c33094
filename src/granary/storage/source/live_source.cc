#include "granary/storage/source/live_source.h"

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include <algorithm>

#include "granary/storage/source/schema_change.h"
#include "granary/storage/source/segment_set_writer.h"
#include "granary/storage/wal/batch_codec.h"

namespace granary::storage {
namespace {

SchemaPtr FindVersion(const std::vector<SchemaPtr>& schemas, std::uint32_t version) {
  for (const SchemaPtr& schema : schemas) {
    if (schema->version() == version) return schema;
  }
  return nullptr;
}

Result<Segments> OpenSegments(StoreContext& context, const SourceRecord& record,
                              const std::string& folder) {
  Segments segments;
  for (const SegmentMeta& meta : record.segments) {
    SchemaPtr schema = FindVersion(record.schemas, meta.schema_version);
    if (schema == nullptr) {
      return Status::Corruption(
          fmt::format("source \"{}\": segment {} has the unknown schema version {}",
                      record.definition.id.str(), meta.id.value, meta.schema_version));
    }
    segments.push_back(
        std::make_shared<const Segment>(context.deps.files, context.readers, folder, meta, schema));
  }
  return segments;
}

Status NotFound(const SourceId& id) {
  return {Code::kSourceNotFound, fmt::format("source \"{}\" does not exist", id.str())};
}

}  // namespace

Result<std::shared_ptr<LiveSource>> LiveSource::Make(std::shared_ptr<StoreContext> context,
                                                     SourceRecord record) {
  if (record.schemas.empty()) {
    return Status::Corruption(
        fmt::format("source \"{}\" has no schema", record.definition.id.str()));
  }
  // Against the first schema: a column that was widened later keeps its transform.
  GRANARY_ASSIGN(PartitionSpec partitions,
                 ResolvePartitions(record.definition, *record.schemas.front()));
  std::string folder = OpenedFolder(context->folder.root(), record.folder);
  GRANARY_ASSIGN(Segments segments, OpenSegments(*context, record, folder));
  record.segments.clear();
  return std::shared_ptr<LiveSource>(new LiveSource(std::move(context), std::move(record),
                                                    std::move(partitions), std::move(segments),
                                                    std::move(folder)));
}

LiveSource::LiveSource(std::shared_ptr<StoreContext> context, SourceRecord record,
                       PartitionSpec partitions, Segments segments, std::string folder)
    : context_(std::move(context)),
      record_(std::move(record)),
      partitions_(std::move(partitions)),
      folder_(std::move(folder)),
      tiers_(context_->budget, std::move(segments), record_.flushed_sequence),
      last_write_us_(record_.last_write_us.value_or(0)),
      next_sequence_(record_.flushed_sequence + 1),
      schemas_(record_.schemas) {}

SchemaPtr LiveSource::schema() const {
  const std::lock_guard lock(state_mutex_);
  return schemas_.back();
}

std::vector<SchemaPtr> LiveSource::schema_history() const {
  const std::lock_guard lock(state_mutex_);
  return schemas_;
}

SchemaPtr LiveSource::FindSchema(std::uint32_t version) const {
  const std::lock_guard lock(state_mutex_);
  return FindVersion(schemas_, version);
}

SourceMarker LiveSource::marker() const {
  return {context_->folder.store_id(), context_->options.tenant, record_.definition.id};
}

// ---- writing

Status LiveSource::CheckWritable() const {
  if (context_->closed) return {Code::kUnavailable, "the store is shutting down"};
  const std::lock_guard lock(state_mutex_);
  GRANARY_TRY(refused_);
  GRANARY_TRY(broken_);
  return dropped_ ? NotFound(record_.definition.id) : Status::Ok();
}

Result<WriteOutcome> LiveSource::Write(const SchemaPtr& schema,
                                       std::shared_ptr<arrow::RecordBatch> batch) {
  GRANARY_TRY(CheckWritable());
  if (static_cast<std::size_t>(batch->num_columns()) != schema->columns().size()) {
    return Status::Internal(fmt::format("a batch of {} columns for a schema of {}",
                                        batch->num_columns(), schema->columns().size()));
  }
  HotBudget::Hold hold;
  if (!context_->budget.Reserve(static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*batch)),
                                hold)) {
    context_->Press();
    return Status(Code::kOverloaded,
                  fmt::format("{} bytes wait to be flushed, the limit is {}: try again shortly",
                              context_->budget.bytes(), context_->budget.bytes_max()));
  }
  return record_.definition.wal_enabled ? WriteLogged(schema, batch)
                                        : WriteUnlogged(schema, *batch);
}

// write_mutex_ is held. Does nothing for the current schema.
Status LiveSource::AdoptSchema(const SchemaPtr& schema) {
  const SchemaPtr current = this->schema();
  if (schema == current || *schema == *current) return Status::Ok();
  if (!IsSuccessor(*current, *schema)) {
    return {Code::kConflict, fmt::format("source \"{}\" has schema version {} by now", id().str(),
                                         current->version())};
  }
  GRANARY_TRY(
      CheckWidenings(*current, *schema, partitions_, [&](ColumnId column) -> Result<ColumnStats> {
        const TierView view = tiers_.View();
        if (view.visible_sequence + 1 != next_sequence_) {
          return Status(Code::kConflict,
                        "other writes are on their way to the log, whose values are not known yet");
        }
        return stats_.Get(view, current)[column];
      }));
  // Before any frame names the version: replay finds the schemas of all frames in the manifest.
  GRANARY_TRY(context_->manifest->CommitSchema(uid(), *schema));
  const std::lock_guard lock(state_mutex_);
  schemas_.push_back(schema);
  return Status::Ok();
}

// write_mutex_ is held.
void LiveSource::TakeSequences(std::int64_t records, WriteOutcome& outcome) {
  outcome.first_sequence = next_sequence_;
  next_sequence_ += static_cast<std::uint64_t>(records);
  outcome.last_sequence = next_sequence_ - 1;
  outcome.schema_version = schema()->version();
}

Result<WriteOutcome> LiveSource::WriteLogged(const SchemaPtr& schema,
                                             const std::shared_ptr<arrow::RecordBatch>& batch) {
  // Outside the lock: encoding is most of the work of a write.
  WalFrame frame;
  GRANARY_ASSIGN(frame.payload, EncodeBatch(*batch));
  const std::uint64_t log_bytes = frame.payload.size();
  LaneSlot& lane = *context_->lanes.at(record_.wal_lane);

  WriteOutcome outcome;
  Status published;
  std::shared_ptr<WalLane> log;
  WalLane::Ticket ticket = 0;
  {
    const std::lock_guard lock(write_mutex_);
    GRANARY_TRY(CheckWritable());
    log = lane.log();
    if (const Status closed = log->closed_by(); !closed.ok()) return LogFailed(closed);
    GRANARY_TRY(AdoptSchema(schema));
    TakeSequences(batch->num_rows(), outcome);
    if (batch->num_rows() == 0) return outcome;
    frame.tenant = context_->options.tenant.str();
    frame.source = id().str();
    frame.source_uid = uid();
    frame.schema_version = outcome.schema_version;
    frame.first_sequence = outcome.first_sequence;
    frame.records = static_cast<std::uint32_t>(batch->num_rows());
    const std::uint64_t log_start = lane.Advance(log_bytes);
    // The lane calls back before Wait returns, so what the callback refers to is still there.
    Result<WalLane::Ticket> taken =
        log->Enqueue(std::move(frame), [&, schema = this->schema()](const Status& durable) {
          published = durable.ok()
                          ? Publish(schema, *batch, outcome.first_sequence, log_bytes, log_start)
                          : durable;
        });
    if (!taken.ok()) {
      next_sequence_ = outcome.first_sequence;
      return taken.status().code() == Code::kTooLarge ? taken.status() : LogFailed(taken.status());
    }
    ticket = *taken;
  }
  if (const Status durable = log->Wait(ticket); !durable.ok()) return LogFailed(durable);
  if (!published.ok()) return PublishFailed(published);
  return outcome;
}

Result<WriteOutcome> LiveSource::WriteUnlogged(const SchemaPtr& schema,
                                               const arrow::RecordBatch& batch) {
  WriteOutcome outcome;
  outcome.durable = false;
  const std::lock_guard lock(write_mutex_);
  GRANARY_TRY(CheckWritable());
  GRANARY_TRY(AdoptSchema(schema));
  TakeSequences(batch.num_rows(), outcome);
  if (const Status s = Publish(this->schema(), batch, outcome.first_sequence, 0, 0); !s.ok()) {
    next_sequence_ = outcome.first_sequence;
    return s;
  }
  return outcome;
}

// Called by the lane, one at a time and in order of sequence; or under write_mutex_ without a log.
Status LiveSource::Publish(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                           std::uint64_t first_sequence, std::uint64_t log_bytes,
                           std::uint64_t log_start) {
  GRANARY_TRY(
      tiers_.Append(schema, batch, first_sequence, {context_->NowMicros(), log_bytes, log_start}));
  last_write_us_ = context_->deps.clock.WallMicros();
  const HotCounts counts = tiers_.counts();
  const StoreOptions& options = context_->options;
  if (counts.rows >= options.flush_rows || counts.bytes >= options.flush_bytes ||
      context_->budget.bytes() > context_->budget.bytes_max() / 4 * 3) {
    context_->Press();
  }
  return Status::Ok();
}

// The lane is closed, since nobody knows which bytes it holds, and stays so until a restart (a full
// disk excepted). Its state is the source's: nothing is kept here.
Status LiveSource::LogFailed(const Status& cause) const {
  if (context_->closed) return {Code::kUnavailable, "the store is shutting down"};
  return {cause.code() == Code::kDiskFull ? Code::kDiskFull : Code::kUnavailable,
          fmt::format("source \"{}\" is read-only, since its log failed: {}", id().str(),
                      cause.message())};
}

// The records are in the log and not in memory: a restart brings them back. No later write may be
// acknowledged over the hole.
Status LiveSource::PublishFailed(const Status& cause) {
  const std::lock_guard lock(state_mutex_);
  broken_ = {Code::kUnavailable, fmt::format("source \"{}\" is read-only until a restart: {}",
                                             id().str(), cause.message())};
  context_->deps.log.Error("source is read-only",
                           {{"source", id().str()}, {"cause", cause.ToString()}});
  return broken_;
}

// ---- reading

SourceSnapshot LiveSource::Snapshot() const {
  TierView view = tiers_.View();
  SourceSnapshot snapshot;
  snapshot.id = record_.definition.id;
  snapshot.uid = record_.uid;
  snapshot.schema = schema();  // After the view: never older than one of its chunks.
  snapshot.partitions = partitions_;
  snapshot.segments = std::move(view.segments);
  snapshot.hot = std::move(view.hot);
  snapshot.visible_sequence = view.visible_sequence;
  return snapshot;
}

SourceStats LiveSource::Stats() const {
  const TierView view = tiers_.View();
  const SchemaPtr schema = this->schema();
  const HotCounts hot = tiers_.counts();
  SourceStats stats;
  stats.schema_version = schema->version();
  stats.hot_bytes = hot.bytes;
  stats.wal_bytes = hot.log_bytes;
  for (const HotChunk& chunk : view.hot)
    stats.hot_rows += static_cast<std::uint64_t>(chunk.batch->num_rows());
  stats.rows = stats.hot_rows;
  std::set<std::string> partitions;
  for (const auto& segment : view.segments) {
    stats.rows += segment->meta().rows;
    stats.bytes += segment->meta().bytes;
    std::string key;
    EncodePartitionKey(segment->meta().partition, key);
    partitions.insert(std::move(key));
  }
  stats.segments = view.segments.size();
  stats.partitions = partitions.size();
  if (const std::int64_t last = last_write_us_; last != 0) stats.last_write_us = last;
  stats.columns = stats_.Get(view, schema);
  return stats;
}

HotTierInfo LiveSource::hot_tier() const {
  const HotCounts counts = tiers_.counts();
  HotTierInfo info{uid(), counts.rows, counts.bytes, 0, false};
  if (counts.rows == 0) return info;
  info.oldest_age_us = context_->NowMicros() - counts.since_us;
  if (record_.definition.wal_enabled) {
    const std::uint64_t position = context_->lanes.at(record_.wal_lane)->position();
    info.holds_back_log = position - counts.log_start > context_->options.wal_lane_bytes_max;
  }
  return info;
}

std::set<std::string> LiveSource::segment_paths() const {
  std::set<std::string> paths;
  for (const auto& segment : tiers_.View().segments) paths.insert(segment->meta().path);
  return paths;
}

// ---- flushing

Status LiveSource::Flush() {
  const std::uint64_t wanted = tiers_.visible_sequence();
  const std::lock_guard lock(flush_mutex_);
  if (context_->closed) return {Code::kUnavailable, "the store is shutting down"};
  {
    const std::lock_guard state(state_mutex_);
    GRANARY_TRY(refused_);
    if (dropped_) return NotFound(id());
  }
  // Somebody else's flush may have taken our rows along while we waited.
  if (tiers_.flushed_sequence() >= wanted) return Status::Ok();
  const SealedRows sealed = tiers_.Seal();
  if (sealed.rows == 0) return Status::Ok();
  return WriteAndCommit(sealed).At(fmt::format("flush of source \"{}\"", id().str()));
}

Result<SegmentId> LiveSource::NextSegmentId() { return context_->manifest->AllocateSegmentIds(1); }

// Files first, then the commit that makes them live and names the sequence that replay starts
// after, then the swap in memory. A crash before the commit leaves files that no manifest names,
// swept at the next start; the rows are still in the log. After it, replay skips the rows.
Status LiveSource::WriteAndCommit(const SealedRows& sealed) {
  const StoreDeps& deps = context_->deps;
  const SourceDefinition& definition = record_.definition;
  GRANARY_TRY(context_->manifest->closed_by());
  GRANARY_TRY(deps.failpoints.Hit("flush.before_segments"));

  SegmentSetOptions options;
  options.folder = folder_;
  options.schema = schema();
  options.partitions = partitions_;
  for (const std::string& name : definition.sort_columns) {
    options.sort_columns.push_back(schema_history().front()->Find(name)->id);
  }
  options.writer = {definition.compression, context_->options.row_group_rows};
  options.file_bytes_max = std::uint64_t{definition.max_file_size_mb} << 20;
  options.created_us = deps.clock.WallMicros();
  GRANARY_ASSIGN(std::vector<SegmentMeta> written,
                 WriteSegments(deps.files, deps.failpoints, options, sealed.chunks,
                               [this] { return NextSegmentId(); }));
  Status failure = deps.failpoints.Hit("flush.after_segments");
  if (failure.ok()) failure = deps.failpoints.Hit("flush.before_manifest");
  if (failure.ok()) {
    failure =
        context_->manifest->CommitFlush({uid(), written, sealed.last_sequence, last_write_us_});
  }
  if (!failure.ok()) {
    // A commit whose outcome nobody knows may have named the files.
    if (context_->manifest->closed_by().ok()) DiscardSegments(deps.files, folder_, written);
    return failure;
  }
  const Status after = deps.failpoints.Hit("flush.after_manifest");
  Segments added;
  for (SegmentMeta& meta : written) {
    added.push_back(std::make_shared<const Segment>(deps.files, context_->readers, folder_,
                                                    std::move(meta), options.schema));
  }
  tiers_.Swap(std::move(added), sealed.last_sequence);
  deps.log.Debug("flushed",
                 {{"source", id().str()}, {"rows", sealed.rows}, {"segments", written.size()}});
  return after;
}

Status LiveSource::Drop(DropFiles files) {
  const std::lock_guard write(write_mutex_);
  const std::lock_guard flush(flush_mutex_);
  GRANARY_TRY(context_->manifest->DropSource(uid(), files));
  // An open file would keep its space after it is removed.
  for (const auto& segment : tiers_.View().segments) context_->readers.Forget(segment->meta().id);
  const std::lock_guard lock(state_mutex_);
  dropped_ = true;
  return Status::Ok();
}

// ---- recovery

Status LiveSource::Replay(const WalFrame& frame) {
  const SchemaPtr schema = FindSchema(frame.schema_version);
  if (schema == nullptr) {
    return Status::Corruption(
        fmt::format("source \"{}\": the log names the unknown schema version {}", id().str(),
                    frame.schema_version));
  }
  GRANARY_ASSIGN(const auto batch, DecodeBatch(frame.payload, schema->ToArrow()));
  if (batch->num_rows() != static_cast<std::int64_t>(frame.records)) {
    return Status::Corruption(fmt::format("source \"{}\": a frame of {} records holds {}",
                                          id().str(), frame.records, batch->num_rows()));
  }
  const std::uint64_t bytes = frame.payload.size();
  const std::uint64_t start = context_->lanes.at(record_.wal_lane)->Advance(bytes);
  GRANARY_TRY(
      tiers_.Append(schema, *batch, frame.first_sequence, {context_->NowMicros(), bytes, start}));
  const std::lock_guard lock(write_mutex_);
  next_sequence_ = std::max(next_sequence_, frame.first_sequence + frame.records);
  return Status::Ok();
}

void LiveSource::Quiesce() {
  const std::lock_guard write(write_mutex_);
  const std::lock_guard flush(flush_mutex_);
}

void LiveSource::Refuse(Status why) {
  const std::lock_guard lock(state_mutex_);
  if (refused_.ok()) refused_ = std::move(why);
}

Status LiveSource::refused() const {
  const std::lock_guard lock(state_mutex_);
  return refused_;
}

}  // namespace granary::storage
