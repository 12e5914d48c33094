#include "granary/storage/manifest/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "granary/base/check.h"
#include "granary/storage/manifest/manifest_file.h"
#include "granary/storage/manifest/manifest_state.h"

namespace granary::storage {
namespace {

constexpr std::uint64_t kSegmentIdBlock = 256;  // Ids taken from the file at once; a commit each.
constexpr int kUidCounterBits = 31;             // uid = base (32 bits) | counter: 63 bits in all.
constexpr std::uint64_t kUidCounterMask = (std::uint64_t{1} << kUidCounterBits) - 1;

enum class SegmentIs : std::uint8_t { kLive, kRetired };

Result<SegmentRow> FindSegment(SqliteDb& db, SourceUid source, SegmentId id, SegmentIs wanted) {
  GRANARY_ASSIGN(SqliteStatement select, db.Prepare(kSelectSegment));
  GRANARY_ASSIGN(const bool found, select.Unsigned(1, id.value).Step());
  if (found) {
    GRANARY_ASSIGN(SegmentRow row, ReadSegmentRow(select, db.path()));
    const bool live = row.meta.retired_generation == 0;
    if (row.source == source.value && live == (wanted == SegmentIs::kLive)) return row;
  }
  return Status(Code::kNotFound,
                fmt::format("there is no {} segment {}",
                            wanted == SegmentIs::kLive ? "live" : "retired", id.value));
}

}  // namespace

Manifest::Manifest(std::unique_ptr<State> state) : state_(std::move(state)) {}
Manifest::~Manifest() = default;

Result<std::unique_ptr<Manifest>> Manifest::Open(const std::string& path,
                                                 io::Failpoints& failpoints) {
  GRANARY_ASSIGN(SqliteDb db, OpenManifestFile(path));
  auto state = std::make_unique<State>(std::move(db), failpoints);
  GRANARY_TRY(state->ReadSmallTables());
  return std::unique_ptr<Manifest>(new Manifest(std::move(state)));
}

Result<std::vector<SourceRecord>> Manifest::Load() {
  const std::lock_guard lock(state_->mutex);
  std::map<std::uint64_t, SourceRecord> by_uid;
  for (const auto& [uid, row] : state_->sources) {
    GRANARY_ASSIGN(SourceDefinition definition, SourceDefinition::Decode(row.definition));
    SourceRecord& record = by_uid[uid];
    record.uid = SourceUid{uid};
    record.definition = std::move(definition);
    record.folder = row.folder;
    record.wal_lane = row.wal_lane;
    record.flushed_sequence = row.flushed_sequence;
    record.created_us = row.created_us;
    record.last_write_us = row.last_write_us;
  }
  GRANARY_TRY(state_->ReadSchemas(by_uid));
  GRANARY_TRY(state_->ReadSegments(by_uid));
  GRANARY_TRY(state_->ReadKeys(by_uid));
  GRANARY_TRY(state_->ReadDeletes(by_uid));

  std::vector<SourceRecord> records;
  for (auto& [uid, record] : by_uid) records.push_back(std::move(record));
  std::sort(records.begin(), records.end(), [](const SourceRecord& a, const SourceRecord& b) {
    return a.definition.id < b.definition.id;
  });
  return records;
}

Result<SourceUid> Manifest::AddSource(const SourceDefinition& definition, const std::string& folder,
                                      const Schema& schema, std::int64_t created_us,
                                      std::uint32_t wal_lane) {
  const std::lock_guard lock(state_->mutex);
  for (const auto& [uid, row] : state_->sources) {
    if (row.id == definition.id.str()) {
      return Status(Code::kSourceConflict, fmt::format("source \"{}\" is there already", row.id));
    }
  }
  if (state_->root.next_source > kUidCounterMask) return Status::Internal("no source uid is left");
  const SourceUid uid{state_->root.uid_base << kUidCounterBits | state_->root.next_source};
  GRANARY_TRY(state_->Commit([&](ManifestChange& change) {
    ++change.root.next_source;
    SourceRow row{.uid = uid.value,
                  .id = definition.id.str(),
                  .folder = folder,
                  .definition = {},
                  .wal_lane = wal_lane,
                  .flushed_sequence = 0,
                  .created_us = created_us,
                  .last_write_us = std::nullopt,
                  .schemas = {},
                  .segments = {}};
    definition.EncodeTo(row.definition);
    const SchemaRow first = SchemaRow::Of(uid.value, schema, created_us);
    row.schemas.Add(first.Crc());
    change.sources[uid.value] = std::move(row);
    change.keys[uid.value] = RowDigest{};
    change.histories[uid.value] = HistoryRow{.source = uid.value};
    return first.Write(state_->db);
  }));
  return uid;
}

Status Manifest::DropSource(SourceUid source, DropFiles files) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(const SourceRow row, state_->Find(source));
  return state_->Commit([&](ManifestChange& change) {
    GRANARY_TRY(DeleteRows(state_->db, "DELETE FROM segments WHERE source = ?", source.value));
    GRANARY_TRY(DeleteRows(state_->db, "DELETE FROM schemas WHERE source = ?", source.value));
    change.sources[source.value] = std::nullopt;
    change.keys[source.value] = std::nullopt;
    change.histories[source.value] = std::nullopt;
    if (files == DropFiles::kRemove)
      change.dropped[source.value] = DroppedRow{source.value, row.id, row.folder};
    return Status::Ok();
  });
}

std::vector<DroppedFolder> Manifest::dropped() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<DroppedFolder> folders;
  for (const auto& [uid, row] : state_->dropped)
    folders.push_back({SourceUid{uid}, row.id, row.folder});
  return folders;
}

Status Manifest::ForgetDropped(SourceUid source) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->dropped.contains(source.value)) return Status::Ok();
  return state_->Commit([&](ManifestChange& change) {
    change.dropped[source.value] = std::nullopt;
    return Status::Ok();
  });
}

Status Manifest::CommitSource(SourceUid source, const SchemaVersion* schema,
                              const SourceDefinition* definition) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(source));
  return state_->Commit([&](ManifestChange& change) {
    if (schema != nullptr) {
      const SchemaRow next = SchemaRow::Of(source.value, *schema->schema, schema->made_us);
      GRANARY_TRY(next.Write(state_->db));
      row.schemas.Add(next.Crc());
    }
    if (definition != nullptr) {
      row.definition.clear();
      definition->EncodeTo(row.definition);
    }
    change.sources[source.value] = row;
    return Status::Ok();
  });
}

Status Manifest::CommitFlush(const FlushCommit& flush) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(flush.source));
  GRANARY_CHECK(flush.flushed_sequence >= row.flushed_sequence, "{} < {}", flush.flushed_sequence,
                row.flushed_sequence);
  return state_->Commit([&](ManifestChange& change) {
    for (const SegmentMeta& meta : flush.added) {
      const SegmentRow segment = SegmentRow::Of(flush.source.value, meta);
      GRANARY_TRY(segment.Write(state_->db));
      row.segments.Add(segment.Crc());
    }
    GRANARY_TRY(state_->ChangeKeys(change, flush.source, flush.keys));
    GRANARY_TRY(state_->ChangeDeletes(change, flush.source, flush.deletes));
    row.flushed_sequence = flush.flushed_sequence;
    row.last_write_us = flush.last_write_us;
    change.sources[flush.source.value] = row;
    return Status::Ok();
  });
}

Status Manifest::CommitCompaction(const CompactionCommit& compaction) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(compaction.source));
  GRANARY_CHECK(compaction.generation > 0);
  return state_->Commit([&](ManifestChange& change) -> Status {
    for (const SegmentId id : compaction.replaced) {
      GRANARY_ASSIGN(SegmentRow before,
                     FindSegment(state_->db, compaction.source, id, SegmentIs::kLive));
      SegmentMeta meta = before.meta;
      meta.retired_generation = compaction.generation;
      meta.retired_us = compaction.retired_us;
      const SegmentRow after = SegmentRow::Of(compaction.source.value, meta);
      row.segments.Remove(before.Crc());
      row.segments.Add(after.Crc());
      GRANARY_TRY(after.Write(state_->db));
    }
    for (const SegmentMeta& meta : compaction.added) {
      const SegmentRow segment = SegmentRow::Of(compaction.source.value, meta);
      GRANARY_TRY(segment.Write(state_->db));
      row.segments.Add(segment.Crc());
    }
    GRANARY_TRY(state_->ChangeDeletes(change, compaction.source, compaction.deletes));
    change.sources[compaction.source.value] = row;
    return Status::Ok();
  });
}

Status Manifest::ForgetRetired(SourceUid source, const std::vector<SegmentId>& segments) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(source));
  return state_->Commit([&](ManifestChange& change) -> Status {
    for (const SegmentId id : segments) {
      GRANARY_ASSIGN(const SegmentRow gone,
                     FindSegment(state_->db, source, id, SegmentIs::kRetired));
      row.segments.Remove(gone.Crc());
      GRANARY_TRY(state_->ForgetDeletes(change, source, gone));
      GRANARY_TRY(DeleteRows(state_->db, "DELETE FROM segments WHERE id = ?", id.value));
    }
    change.sources[source.value] = row;
    return Status::Ok();
  });
}

Status Manifest::CommitIndexes(SourceUid source, SegmentId segment,
                               std::vector<IndexMeta> indexes) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(source));
  return state_->Commit([&](ManifestChange& change) -> Status {
    GRANARY_ASSIGN(const SegmentRow before,
                   FindSegment(state_->db, source, segment, SegmentIs::kLive));
    SegmentMeta meta = before.meta;
    meta.indexes = std::move(indexes);
    const SegmentRow after = SegmentRow::Of(source.value, meta);
    row.segments.Remove(before.Crc());
    row.segments.Add(after.Crc());
    change.sources[source.value] = row;
    return after.Write(state_->db);
  });
}

Status Manifest::CommitBulk(const BulkCommit& bulk) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(bulk.source));
  GRANARY_CHECK(bulk.flushed_sequence.value_or(row.flushed_sequence) >= row.flushed_sequence,
                "{} < {}", *bulk.flushed_sequence, row.flushed_sequence);
  return state_->Commit([&](ManifestChange& change) {
    for (const SchemaVersion& version : bulk.schemas) {
      const SchemaRow next = SchemaRow::Of(bulk.source.value, *version.schema, version.made_us);
      GRANARY_TRY(next.Write(state_->db));
      row.schemas.Add(next.Crc());
    }
    for (const SegmentMeta& meta : bulk.added) {
      const SegmentRow segment = SegmentRow::Of(bulk.source.value, meta);
      GRANARY_TRY(segment.Write(state_->db));
      row.segments.Add(segment.Crc());
    }
    GRANARY_TRY(state_->ChangeKeys(change, bulk.source, bulk.keys));
    GRANARY_TRY(state_->ChangeDeletes(change, bulk.source, bulk.deletes));
    if (bulk.flushed_sequence) row.flushed_sequence = *bulk.flushed_sequence;
    row.last_write_us = bulk.last_write_us;
    change.sources[bulk.source.value] = row;
    return Status::Ok();
  });
}

Result<SegmentId> Manifest::AllocateSegmentIds(std::uint32_t count) {
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t spare = state_->root.next_segment - state_->spare_segment;
  if (spare < count) {
    const std::uint64_t missing = std::max<std::uint64_t>(count - spare, kSegmentIdBlock);
    GRANARY_TRY(state_->Commit([&](ManifestChange& change) {
      change.root.next_segment += missing;
      return Status::Ok();
    }));
  }
  const SegmentId first{state_->spare_segment};
  state_->spare_segment += count;
  return first;
}

bool Manifest::Issued(SourceUid source) const {
  const std::lock_guard lock(state_->mutex);
  return source.value >> kUidCounterBits == state_->root.uid_base &&
         (source.value & kUidCounterMask) < state_->root.next_source;
}

Status Manifest::closed_by() const {
  const std::lock_guard lock(state_->mutex);
  return state_->closed_by;
}

std::uint64_t Manifest::version() const {
  const std::lock_guard lock(state_->mutex);
  return state_->root.version;
}

Status Manifest::Close() {
  const std::lock_guard lock(state_->mutex);
  if (state_->closed_by.ok()) state_->closed_by = {Code::kUnavailable, "the manifest was closed"};
  return state_->db.Close();
}

}  // namespace granary::storage
