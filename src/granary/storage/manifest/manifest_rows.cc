#include "granary/storage/manifest/manifest_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "granary/base/bytes.h"
#include "granary/base/crc32c.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::storage {

const char* const kManifestTables = R"sql(
CREATE TABLE root (
  id INTEGER PRIMARY KEY, version INTEGER NOT NULL, uid_base INTEGER NOT NULL, next_source INTEGER NOT NULL,
  next_segment INTEGER NOT NULL, sources INTEGER NOT NULL, sources_sum INTEGER NOT NULL,
  dropped INTEGER NOT NULL, dropped_sum INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE sources (
  uid INTEGER PRIMARY KEY, id TEXT NOT NULL, folder TEXT NOT NULL, definition BLOB NOT NULL,
  wal_lane INTEGER NOT NULL, flushed_sequence INTEGER NOT NULL, created_us INTEGER NOT NULL,
  last_write_us INTEGER, schemas INTEGER NOT NULL, schemas_sum INTEGER NOT NULL, segments INTEGER NOT NULL,
  segments_sum INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE schemas (
  source INTEGER NOT NULL, version INTEGER NOT NULL, schema BLOB NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY (source, version)) WITHOUT ROWID;
CREATE TABLE segments (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL,
  rows INTEGER NOT NULL, footer_bytes INTEGER NOT NULL, footer_crc INTEGER NOT NULL,
  schema_version INTEGER NOT NULL, min_sequence INTEGER NOT NULL, max_sequence INTEGER NOT NULL,
  partition_spec INTEGER NOT NULL, partition BLOB NOT NULL, created_us INTEGER NOT NULL,
  columns BLOB NOT NULL, indexes BLOB NOT NULL, lineage BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE dropped (
  uid INTEGER PRIMARY KEY, id TEXT NOT NULL, folder TEXT NOT NULL, crc INTEGER NOT NULL);
)sql";

const char* const kManifestUpgrade = R"sql(
ALTER TABLE segments ADD COLUMN indexes BLOB NOT NULL DEFAULT x'';
)sql";

const char* const kLineageUpgrade = R"sql(
ALTER TABLE segments ADD COLUMN lineage BLOB NOT NULL DEFAULT x'';
)sql";

const char* const kSelectSources =
    "SELECT uid, id, folder, definition, wal_lane, flushed_sequence, created_us, last_write_us, "
    "schemas,"
    " schemas_sum, segments, segments_sum, crc FROM sources ORDER BY uid";
const char* const kSelectSchemas =
    "SELECT source, version, schema, crc FROM schemas ORDER BY source, version";
const char* const kSelectSegments =
    "SELECT id, source, path, bytes, rows, footer_bytes, footer_crc, schema_version, min_sequence,"
    " max_sequence, partition_spec, partition, created_us, columns, indexes, lineage, crc FROM"
    " segments ORDER BY id";
const char* const kSelectSegment =
    "SELECT id, source, path, bytes, rows, footer_bytes, footer_crc, schema_version, min_sequence,"
    " max_sequence, partition_spec, partition, created_us, columns, indexes, lineage, crc FROM"
    " segments WHERE id = ?";
const char* const kSelectDropped = "SELECT uid, id, folder, crc FROM dropped ORDER BY uid";

namespace {

Status Damaged(const std::string& file, std::string_view table, std::uint64_t row,
               std::string_view detail) {
  return Status::Corruption(fmt::format("{}: table {}, row {}: {}", file, table, row, detail));
}

Status CheckCrc(const std::string& file, std::string_view table, std::uint64_t row,
                std::uint32_t expected, std::int64_t found) {
  if (found == expected) return Status::Ok();
  return Damaged(file, table, row,
                 fmt::format("checksum {:08x}, expected {:08x}", found, expected));
}

void PutDigest(std::string& out, const RowDigest& digest) {
  PutFixed(out, digest.count);
  PutFixed(out, digest.sum);
}

// In order of id, so that equal statistics have equal bytes.
std::string EncodeColumns(const SegmentMeta& meta) {
  std::vector<ColumnId> ids;
  for (const auto& [id, stats] : meta.columns) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  std::string out;
  for (const ColumnId id : ids) {
    PutFixed(out, id);
    std::string stats;
    EncodeStats(meta.columns.at(id), stats);
    PutString(out, stats);
  }
  return out;
}

Status DecodeColumns(std::string_view bytes, SegmentMeta& meta) {
  ByteReader in(bytes);
  while (in.ok() && in.remaining() > 0) {
    const auto id = in.Fixed<ColumnId>();
    GRANARY_ASSIGN(meta.columns[id], DecodeStats(in.String()));
  }
  return in.ok() ? Status::Ok() : Status::Corruption("the statistics end early");
}

std::string EncodeIndexes(const SegmentMeta& meta) {
  std::string out;
  for (const IndexMeta& index : meta.indexes) {
    PutFixed(out, index.key.column);
    PutFixed(out, static_cast<std::uint8_t>(index.key.kind));
    PutFixed(out, index.bytes);
    PutFixed(out, index.footer_crc);
  }
  return out;
}

Status DecodeIndexes(std::string_view bytes, SegmentMeta& meta) {
  ByteReader in(bytes);
  while (in.ok() && in.remaining() > 0) {
    IndexMeta index;
    index.key.column = in.Fixed<ColumnId>();
    const auto kind = in.Fixed<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(IndexKind::kBloom))
      return Status::Corruption(fmt::format("an index of the unknown kind {}", kind));
    index.key.kind = static_cast<IndexKind>(kind);
    index.bytes = in.Fixed<std::uint64_t>();
    index.footer_crc = in.Fixed<std::uint32_t>();
    meta.indexes.push_back(index);
  }
  return in.ok() ? Status::Ok() : Status::Corruption("the indexes end early");
}

std::string EncodeLineage(const SegmentMeta& meta) {
  std::string out;
  if (meta.generation == 0 && meta.retired_generation == 0) return out;
  PutFixed(out, meta.generation);
  PutFixed(out, meta.retired_generation);
  PutFixed(out, meta.retired_us);
  return out;
}

Status DecodeLineage(std::string_view bytes, SegmentMeta& meta) {
  if (bytes.empty()) return Status::Ok();
  ByteReader in(bytes);
  meta.generation = in.Fixed<std::uint64_t>();
  meta.retired_generation = in.Fixed<std::uint64_t>();
  meta.retired_us = in.Fixed<std::int64_t>();
  const bool whole = in.ok() && in.remaining() == 0;
  return whole ? Status::Ok() : Status::Corruption("the lineage has another length");
}

}  // namespace

std::uint32_t RootRow::Crc() const {
  std::string bytes = "root";
  for (const std::uint64_t value : {version, uid_base, next_source, next_segment})
    PutFixed(bytes, value);
  PutDigest(bytes, sources);
  PutDigest(bytes, dropped);
  return Crc32c(bytes);
}

Status RootRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(
      SqliteStatement insert,
      db.Prepare("INSERT OR REPLACE INTO root (id, version, uid_base, next_source, next_segment,"
                 " sources, sources_sum, dropped, dropped_sum, crc)"
                 " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  return insert.Unsigned(1, version)
      .Unsigned(2, uid_base)
      .Unsigned(3, next_source)
      .Unsigned(4, next_segment)
      .Unsigned(5, sources.count)
      .Unsigned(6, sources.sum)
      .Unsigned(7, dropped.count)
      .Unsigned(8, dropped.sum)
      .Integer(9, Crc())
      .Run();
}

Result<RootRow> RootRow::Read(SqliteDb& db) {
  GRANARY_ASSIGN(
      SqliteStatement row,
      db.Prepare("SELECT version, uid_base, next_source, next_segment, sources, sources_sum,"
                 " dropped, dropped_sum, crc FROM root WHERE id = 1"));
  GRANARY_ASSIGN(const bool found, row.Step());
  if (!found) return Damaged(db.path(), "root", 1, "it is missing");
  RootRow root;
  root.version = row.unsigned_integer(0);
  root.uid_base = row.unsigned_integer(1);
  root.next_source = row.unsigned_integer(2);
  root.next_segment = row.unsigned_integer(3);
  root.sources = {row.unsigned_integer(4), row.unsigned_integer(5)};
  root.dropped = {row.unsigned_integer(6), row.unsigned_integer(7)};
  GRANARY_TRY(CheckCrc(db.path(), "root", 1, root.Crc(), row.integer(8)));
  return root;
}

std::uint32_t SourceRow::Crc() const {
  std::string bytes = "sources";
  PutFixed(bytes, uid);
  for (const std::string* text : {&id, &folder, &definition}) PutString(bytes, *text);
  PutFixed(bytes, wal_lane);
  PutFixed(bytes, flushed_sequence);
  PutFixed(bytes, created_us);
  PutFixed(bytes, static_cast<std::uint8_t>(last_write_us.has_value() ? 1 : 0));
  PutFixed(bytes, last_write_us.value_or(0));
  PutDigest(bytes, schemas);
  PutDigest(bytes, segments);
  return Crc32c(bytes);
}

Status SourceRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(
      SqliteStatement insert,
      db.Prepare(
          "INSERT OR REPLACE INTO sources (uid, id, folder, definition, wal_lane, flushed_sequence,"
          " created_us, last_write_us, schemas, schemas_sum, segments, segments_sum, crc)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.Unsigned(1, uid).Text(2, id).Text(3, folder).Blob(4, definition).Integer(5, wal_lane);
  insert.Unsigned(6, flushed_sequence).Integer(7, created_us);
  if (last_write_us.has_value()) insert.Integer(8, *last_write_us);
  insert.Unsigned(9, schemas.count).Unsigned(10, schemas.sum);
  insert.Unsigned(11, segments.count).Unsigned(12, segments.sum);
  return insert.Integer(13, Crc()).Run();
}

Result<SourceRow> ReadSourceRow(const SqliteStatement& row, const std::string& file) {
  SourceRow source;
  source.uid = row.unsigned_integer(0);
  source.id = row.bytes(1);
  source.folder = row.bytes(2);
  source.definition = row.bytes(3);
  source.wal_lane = static_cast<std::uint32_t>(row.integer(4));
  source.flushed_sequence = row.unsigned_integer(5);
  source.created_us = row.integer(6);
  source.last_write_us = row.optional_integer(7);
  source.schemas = {row.unsigned_integer(8), row.unsigned_integer(9)};
  source.segments = {row.unsigned_integer(10), row.unsigned_integer(11)};
  GRANARY_TRY(CheckCrc(file, "sources", source.uid, source.Crc(), row.integer(12)));
  return source;
}

SchemaRow SchemaRow::Of(std::uint64_t source, const Schema& schema, std::int64_t made_us) {
  SchemaRow row{.source = source, .version = schema.version(), .schema = {}};
  schema.EncodeTo(row.schema);
  PutFixed(row.schema, made_us);
  return row;
}

Result<Schema> SchemaRow::DecodeSchema(std::int64_t& made_us) const {
  made_us = 0;
  // The first builds wrote no time.
  if (Result<Schema> timeless = Schema::Decode(schema); timeless.ok()) return timeless;
  if (schema.size() < sizeof(made_us)) return Status::Corruption("schema: too short");
  const std::size_t bytes = schema.size() - sizeof(made_us);
  made_us = ByteReader(std::string_view(schema).substr(bytes)).Fixed<std::int64_t>();
  return Schema::Decode(std::string_view(schema).substr(0, bytes));
}

std::uint32_t SchemaRow::Crc() const {
  std::string bytes = "schemas";
  PutFixed(bytes, source);
  PutFixed(bytes, version);
  PutString(bytes, schema);
  return Crc32c(bytes);
}

Status SchemaRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(
      SqliteStatement insert,
      db.Prepare("INSERT INTO schemas (source, version, schema, crc) VALUES (?, ?, ?, ?)"));
  return insert.Unsigned(1, source).Integer(2, version).Blob(3, schema).Integer(4, Crc()).Run();
}

Result<SchemaRow> ReadSchemaRow(const SqliteStatement& row, const std::string& file) {
  SchemaRow schema;
  schema.source = row.unsigned_integer(0);
  schema.version = static_cast<std::uint32_t>(row.integer(1));
  schema.schema = row.bytes(2);
  GRANARY_TRY(CheckCrc(file, "schemas", schema.version, schema.Crc(), row.integer(3)));
  return schema;
}

SegmentRow SegmentRow::Of(std::uint64_t source, const SegmentMeta& meta) {
  SegmentRow row{.source = source,
                 .meta = meta,
                 .partition = {},
                 .columns = EncodeColumns(meta),
                 .indexes = EncodeIndexes(meta),
                 .lineage = EncodeLineage(meta)};
  EncodePartitionKey(meta.partition, row.partition);
  return row;
}

std::uint32_t SegmentRow::Crc() const {
  std::string bytes = "segments";
  PutFixed(bytes, meta.id.value);
  PutFixed(bytes, source);
  PutString(bytes, meta.path);
  PutFixed(bytes, meta.bytes);
  PutFixed(bytes, meta.rows);
  PutFixed(bytes, meta.footer_bytes);
  PutFixed(bytes, meta.footer_crc);
  PutFixed(bytes, meta.schema_version);
  PutFixed(bytes, meta.min_sequence);
  PutFixed(bytes, meta.max_sequence);
  PutFixed(bytes, meta.partition_spec);
  PutString(bytes, partition);
  PutFixed(bytes, meta.created_us);
  PutString(bytes, columns);
  // Format 1 had no indexes, formats up to 3 no lineage.
  if (!indexes.empty() || !lineage.empty()) PutString(bytes, indexes);
  if (!lineage.empty()) PutString(bytes, lineage);
  return Crc32c(bytes);
}

Status SegmentRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(
      SqliteStatement insert,
      db.Prepare(
          "INSERT OR REPLACE INTO segments (id, source, path, bytes, rows, footer_bytes,"
          " footer_crc, schema_version, min_sequence, max_sequence, partition_spec, partition,"
          " created_us, columns, indexes, lineage, crc)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.Unsigned(1, meta.id.value).Unsigned(2, source).Text(3, meta.path).Unsigned(4, meta.bytes);
  insert.Unsigned(5, meta.rows).Integer(6, meta.footer_bytes).Integer(7, meta.footer_crc);
  insert.Integer(8, meta.schema_version)
      .Unsigned(9, meta.min_sequence)
      .Unsigned(10, meta.max_sequence);
  insert.Integer(11, meta.partition_spec).Blob(12, partition).Integer(13, meta.created_us);
  return insert.Blob(14, columns).Blob(15, indexes).Blob(16, lineage).Integer(17, Crc()).Run();
}

Result<SegmentRow> ReadSegmentRow(const SqliteStatement& row, const std::string& file) {
  SegmentRow segment;
  SegmentMeta& meta = segment.meta;
  meta.id.value = row.unsigned_integer(0);
  segment.source = row.unsigned_integer(1);
  meta.path = row.bytes(2);
  meta.bytes = row.unsigned_integer(3);
  meta.rows = row.unsigned_integer(4);
  meta.footer_bytes = static_cast<std::uint32_t>(row.integer(5));
  meta.footer_crc = static_cast<std::uint32_t>(row.integer(6));
  meta.schema_version = static_cast<std::uint32_t>(row.integer(7));
  meta.min_sequence = row.unsigned_integer(8);
  meta.max_sequence = row.unsigned_integer(9);
  meta.partition_spec = static_cast<std::uint32_t>(row.integer(10));
  segment.partition = row.bytes(11);
  meta.created_us = row.integer(12);
  segment.columns = row.bytes(13);
  segment.indexes = row.bytes(14);
  segment.lineage = row.bytes(15);
  GRANARY_TRY(CheckCrc(file, "segments", meta.id.value, segment.Crc(), row.integer(16)));

  Result<PartitionKey> partition = DecodePartitionKey(segment.partition);
  if (!partition.ok())
    return Damaged(file, "segments", meta.id.value, partition.status().message());
  meta.partition = partition.Take();
  Status decoded = DecodeColumns(segment.columns, meta);
  if (decoded.ok()) decoded = DecodeIndexes(segment.indexes, meta);
  if (decoded.ok()) decoded = DecodeLineage(segment.lineage, meta);
  if (!decoded.ok()) return Damaged(file, "segments", meta.id.value, decoded.message());
  return segment;
}

std::uint32_t DroppedRow::Crc() const {
  std::string bytes = "dropped";
  PutFixed(bytes, uid);
  PutString(bytes, id);
  PutString(bytes, folder);
  return Crc32c(bytes);
}

Status DroppedRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(SqliteStatement insert,
                 db.Prepare("INSERT INTO dropped (uid, id, folder, crc) VALUES (?, ?, ?, ?)"));
  return insert.Unsigned(1, uid).Text(2, id).Text(3, folder).Integer(4, Crc()).Run();
}

Result<DroppedRow> ReadDroppedRow(const SqliteStatement& row, const std::string& file) {
  DroppedRow dropped;
  dropped.uid = row.unsigned_integer(0);
  dropped.id = row.bytes(1);
  dropped.folder = row.bytes(2);
  GRANARY_TRY(CheckCrc(file, "dropped", dropped.uid, dropped.Crc(), row.integer(3)));
  return dropped;
}

}  // namespace granary::storage
