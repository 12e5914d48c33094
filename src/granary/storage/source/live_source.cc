#include "granary/storage/source/live_source.h"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "granary/storage/wal/batch_codec.h"
#include "granary/storage/wal/keyed_payload.h"

namespace granary::storage {
namespace {

SchemaPtr FindVersion(const std::vector<SchemaVersion>& schemas, std::uint32_t version) {
  for (const SchemaVersion& known : schemas) {
    if (known.schema->version() == version) return known.schema;
  }
  return nullptr;
}

Result<Segments> OpenSegments(StoreContext& context, const SourceRecord& record,
                              const std::string& folder) {
  Segments segments;
  std::vector<SegmentMeta> named = record.segments;
  named.insert(named.end(), record.retired.begin(), record.retired.end());
  for (const SegmentMeta& meta : named) {
    SchemaPtr schema = FindVersion(record.schemas, meta.schema_version);
    if (schema == nullptr) {
      return Status::Corruption(
          fmt::format("source \"{}\": segment {} has the unknown schema version {}",
                      record.definition.id.str(), meta.id.value, meta.schema_version));
    }
    const auto deleted = record.deletions.find(meta.id);
    segments.push_back(std::make_shared<const Segment>(
        context.segment_files, folder, meta, schema,
        deleted == record.deletions.end() ? nullptr : deleted->second,
        record.definition.primary_key.empty() ? nullptr : std::make_shared<ReplacedRows>()));
  }
  return segments;
}

std::unique_ptr<HotKeys> MakeHotKeys(const SourceRecord& record) {
  if (record.definition.primary_key.empty()) return nullptr;
  return std::make_unique<HotKeys>(ResolveKey(record.definition, *record.schemas.back().schema));
}

}  // namespace

Result<std::shared_ptr<LiveSource>> LiveSource::Make(std::shared_ptr<StoreContext> context,
                                                     SourceRecord record) {
  if (record.schemas.empty()) {
    return Status::Corruption(
        fmt::format("source \"{}\" has no schema", record.definition.id.str()));
  }
  // The definition has the names of the newest schema. A widening never changes a default
  // transform.
  GRANARY_ASSIGN(PartitionSpec partitions,
                 ResolvePartitions(record.definition, *record.schemas.back().schema));
  std::string folder = OpenedFolder(context->folder.root(), record.folder);
  GRANARY_ASSIGN(Segments segments, OpenSegments(*context, record, folder));
  record.segments.clear();
  record.retired.clear();
  record.deletions.clear();
  std::vector<KeyRecord> keys = std::exchange(record.keys, {});
  return std::shared_ptr<LiveSource>(new LiveSource(std::move(context), std::move(record),
                                                    std::move(partitions), std::move(segments),
                                                    std::move(keys), std::move(folder)));
}

LiveSource::LiveSource(std::shared_ptr<StoreContext> context, SourceRecord record,
                       PartitionSpec partitions, Segments segments, std::vector<KeyRecord> keys,
                       std::string folder)
    : context_(std::move(context)),
      record_(std::move(record)),
      partitions_(std::move(partitions)),
      folder_(std::move(folder)),
      tiers_(context_->budget, std::move(segments), record_.flushed_sequence,
             {.delete_sequence = record_.delete_sequence,
              .forgotten_generation = record_.forgotten_generation,
              .forgotten_sequence = record_.forgotten_sequence}),
      hot_keys_(MakeHotKeys(record_)),
      keys_({.retention_us = context_->options.idempotency_retention_us,
             .keys_max = context_->options.idempotency_keys_max},
            context_->deps.clock, std::move(keys)),
      last_write_us_(record_.last_write_us.value_or(0)),
      next_sequence_(tiers_.visible_sequence() + 1),
      debt_(context_->options.compaction.debt),
      schemas_(record_.schemas),
      definition_(std::make_shared<const SourceDefinition>(record_.definition)) {}

SourceShape LiveSource::shape() const {
  const std::lock_guard lock(state_mutex_);
  return {schemas_.back().schema, definition_};
}

// The files before the schema: theirs is never newer than that.
SourceMoment LiveSource::moment() const {
  SourceMoment moment;
  moment.files = tiers_.segments();
  moment.flushed_sequence = tiers_.flushed_sequence();
  moment.visible_sequence = tiers_.visible_sequence();
  moment.shape = shape();
  if (const std::int64_t at_us = last_write_us_.load(); at_us != 0) moment.last_write_us = at_us;
  return moment;
}

std::vector<SchemaVersion> LiveSource::schema_history() const {
  const std::lock_guard lock(state_mutex_);
  return schemas_;
}

std::vector<IndexKey> LiveSource::indexes() const {
  const std::lock_guard lock(state_mutex_);
  return ResolveIndexes(*definition_, *schemas_.back().schema);
}

SchemaPtr LiveSource::FindSchema(std::uint32_t version) const {
  const std::lock_guard lock(state_mutex_);
  return FindVersion(schemas_, version);
}

SourceMarker LiveSource::marker() const {
  return {context_->folder.store_id(), context_->options.tenant, record_.definition.id};
}

Status LiveSource::NotFound() const {
  return {Code::kSourceNotFound, fmt::format("source \"{}\" does not exist", id().str())};
}

SourceSnapshot LiveSource::Snapshot() const {
  return hot_keys_ == nullptr ? SnapshotFrom(tiers_.View()) : SnapshotFrom(ViewWithKeys());
}

Result<SourceSnapshot> LiveSource::SnapshotOf(std::uint64_t generation) const {
  if (hot_keys_ != nullptr) GRANARY_TRY(ViewWithKeys().status());
  std::optional<TierView> view = tiers_.ViewOf(generation);
  if (!view || view->generation != generation) {
    return Status(Code::kCursorExpired,
                  fmt::format("the files of source \"{}\" were merged since, and those that the "
                              "cursor began with are gone; search again without a cursor",
                              id().str()));
  }
  return SnapshotFrom(std::move(*view));
}

SourceSnapshot LiveSource::SnapshotFrom(TierView view) const {
  SourceSnapshot snapshot;
  snapshot.id = record_.definition.id;
  snapshot.uid = record_.uid;
  snapshot.schema = schema();  // After the view: never older than one of its chunks.
  snapshot.partitions = partitions_;
  snapshot.indexes = indexes();
  snapshot.segments = std::move(view.segments);
  snapshot.hot = std::move(view.hot);
  snapshot.visible_sequence = view.visible_sequence;
  snapshot.flushed_sequence = view.flushed_sequence;
  snapshot.generation = view.generation;
  snapshot.estimates = estimates();
  snapshot.oldest_sequence = view.forgotten_sequence;
  const bool hot_rows_last = wal_enabled() && definition()->durability == Durability::kSync;
  snapshot.life = hot_rows_last ? 0 : context_->life;
  return snapshot;
}

// A snapshot that failed has no rows, so that nobody takes it for an answer.
SourceSnapshot LiveSource::SnapshotFrom(Result<TierView> view) const {
  if (view.ok()) return SnapshotFrom(view.Take());
  SourceSnapshot snapshot = SnapshotFrom(TierView());
  snapshot.failure = view.status();
  return snapshot;
}

std::shared_ptr<const Segment> LiveSource::MakeSegment(SegmentMeta meta, SchemaPtr schema,
                                                       DeletionsPtr deletions) const {
  return std::make_shared<const Segment>(
      context_->segment_files, folder_, std::move(meta), std::move(schema), std::move(deletions),
      hot_keys_ == nullptr ? nullptr : std::make_shared<ReplacedRows>());
}

SourceStats LiveSource::Stats() const {
  TierView view = tiers_.View();
  // What cannot be read is counted as if nothing replaced it.
  if (hot_keys_ != nullptr) {
    if (Result<TierView> with_keys = ViewWithKeys(); with_keys.ok()) view = with_keys.Take();
  }
  const SchemaPtr schema = this->schema();
  const HotCounts hot = tiers_.counts();
  SourceStats stats;
  stats.schema = schema;
  stats.hot_bytes = hot.bytes;
  stats.wal_bytes = hot.log_bytes;
  for (const HotChunk& chunk : view.hot) {
    std::vector<std::int32_t> ended;
    if (chunk.ends != nullptr) {
      chunk.ends->AppendEnded(chunk.ends_first, chunk.batch->num_rows(), view.visible_sequence,
                              ended);
    }
    stats.hot_rows += static_cast<std::uint64_t>(chunk.batch->num_rows()) - ended.size();
  }
  stats.rows = stats.hot_rows;
  std::set<std::string> partitions;
  for (const auto& segment : view.segments) {
    const RowSetPtr deleted = segment->DeletedAt(view.visible_sequence);
    const std::uint64_t gone = deleted == nullptr ? 0 : deleted->count();
    stats.rows += segment->meta().rows - gone;
    stats.deleted_rows += gone;
    stats.bytes += segment->meta().bytes;
    if (segment->meta().generation > 0) {
      stats.last_compaction_us =
          std::max(stats.last_compaction_us.value_or(0), segment->meta().created_us);
    }
    for (const IndexMeta& index : segment->meta().indexes) stats.index_bytes += index.bytes;
    std::string key;
    EncodePartitionKey(segment->meta().partition, key);
    partitions.insert(std::move(key));
  }
  stats.segments = view.segments.size();
  stats.partitions = partitions.size();
  if (const std::int64_t last = last_write_us_; last != 0) stats.last_write_us = last;
  stats.columns = stats_.Get(view, schema);
  stats.indexes = indexes();
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
  Segments named = *tiers_.segments();
  for (auto& segment : tiers_.retired()) named.push_back(std::move(segment));
  for (const auto& segment : named) {
    const SegmentMeta& meta = segment->meta();
    paths.insert(meta.path);
    for (const IndexMeta& index : meta.indexes) paths.insert(IndexPath(meta.path, index.key));
  }
  return paths;
}

// Merges would only hold up the locks that follow. After a failure the source goes on as it was.
Status LiveSource::Drop(DropFiles files) {
  if (files == DropFiles::kKeep && refused().ok()) GRANARY_TRY(FoldDeletions());
  gate_.Stop();
  const Status dropped = DropStopped(files);
  if (!dropped.ok()) gate_.Open();
  return dropped;
}

Status LiveSource::DropStopped(DropFiles files) {
  const std::lock_guard write(write_mutex_);
  AwaitFrames();  // What was on its way is among the rows that are kept, or was refused.
  const std::lock_guard flush(flush_mutex_);
  // Kept data is all that was acknowledged. A source that is refused has nothing whole to add.
  if (files == DropFiles::kKeep && refused().ok()) GRANARY_TRY(FlushHot());
  const std::lock_guard bulk(bulk_mutex_);
  for (const auto& segment : *tiers_.segments()) {
    if (files != DropFiles::kKeep || segment->deletions() == nullptr || !refused().ok()) continue;
    return {Code::kConflict, fmt::format("records of source \"{}\" were deleted while it was "
                                         "dropped: drop it again",
                                         id().str())};
  }
  // Kept files hold every record once.
  if (files == DropFiles::kKeep) GRANARY_TRY(ForgetRetired(tiers_.TakeAllRetired()));
  GRANARY_TRY(context_->manifest->DropSource(uid(), files));
  // An open file would keep its space after it is removed.
  for (const auto& segment : *tiers_.segments()) context_->segment_files.Forget(segment->meta());
  for (const auto& segment : tiers_.retired()) context_->segment_files.Forget(segment->meta());
  const std::lock_guard lock(state_mutex_);
  dropped_ = true;
  return Status::Ok();
}

Status LiveSource::Replay(const WalFrame& frame) {
  const SchemaPtr schema = FindSchema(frame.schema_version);
  if (schema == nullptr) {
    return Status::Corruption(
        fmt::format("source \"{}\": the log names the unknown schema version {}", id().str(),
                    frame.schema_version));
  }
  std::string_view encoded = frame.payload;
  if (frame.kind == FrameKind::kKeyedRecords) GRANARY_TRY(ReplayKey(frame, encoded));
  GRANARY_ASSIGN(const auto batch, DecodeBatch(encoded, schema->ToArrow()));
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

Status LiveSource::ReplayKey(const WalFrame& frame, std::string_view& batch) {
  GRANARY_ASSIGN(const KeyedPayload keyed, SplitKeyedPayload(frame.payload));
  keys_.Restore({.key = frame.idempotency_key,
                 .body = {frame.body_hash, keyed.body_hash_high},
                 .first_sequence = frame.first_sequence,
                 .records = frame.records,
                 .schema_version = frame.schema_version,
                 .durable = true,  // By now: opening the lane synced it.
                 .written_us = keyed.written_us,
                 .note = std::string(keyed.note)});
  batch = keyed.batch;
  return Status::Ok();
}

void LiveSource::Quiesce() {
  const std::lock_guard write(write_mutex_);
  const std::lock_guard flush(flush_mutex_);
  const std::lock_guard bulk(bulk_mutex_);
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
