// The rows of the manifest's tables, their checksums, and how they are bound and read. The tables
// are described in docs/formats/manifest.md.
//
// Shape      every row ends in a CRC-32C over its table's name and all its other columns. Lost rows
//            are noticed too: a source counts its schemas and segments and adds up their checksums,
//            and the root does so over the sources and the folders that wait for removal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/types/schema.h"

namespace granary::storage {

inline constexpr std::int64_t kManifestApplicationId = 0x47524E59;  // "GRNY"
/// 2: indexes; 3: keys, secrets; 4: lineage; 5: distributions in the statistics of columns; 6:
/// deletes, histories.
inline constexpr std::int64_t kManifestFormat = 6;

extern const char* const kManifestTables;  ///< The CREATE TABLE statements.
/// What makes a file of format 1 one of format 2: rows without what is new keep their checksums.
extern const char* const kManifestUpgrade;
/// The same for one of format 3 and format 4.
extern const char* const kLineageUpgrade;

/// How many rows of some kind there are, and the sum of their checksums.
struct RowDigest {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;

  void Add(std::uint32_t crc) { ++count, sum += crc; }
  void Remove(std::uint32_t crc) { --count, sum -= crc; }
  bool operator==(const RowDigest&) const = default;
};

struct RootRow {
  std::uint64_t version = 0;   ///< Commits since the file was made.
  std::uint64_t uid_base = 0;  ///< Random; the upper half of every uid given here.
  std::uint64_t next_source = 1;
  std::uint64_t next_segment = 1;
  RowDigest sources;
  RowDigest dropped;

  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
  static Result<RootRow> Read(SqliteDb& db);
};

struct SourceRow {
  std::uint64_t uid = 0;
  std::string id;
  std::string folder;
  std::string definition;  ///< Encoded.
  std::uint32_t wal_lane = 0;
  std::uint64_t flushed_sequence = 0;
  std::int64_t created_us = 0;
  std::optional<std::int64_t> last_write_us;
  RowDigest schemas;
  RowDigest segments;

  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
};

struct SchemaRow {
  std::uint64_t source = 0;
  std::uint32_t version = 0;
  std::string schema;  ///< Encoded, with the time behind it.

  static SchemaRow Of(std::uint64_t source, const Schema& schema, std::int64_t made_us);
  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
  /// kCorruption when the bytes are not a schema and a time.
  Result<Schema> DecodeSchema(std::int64_t& made_us) const;
};

struct SegmentRow {
  std::uint64_t source = 0;
  SegmentMeta meta;
  std::string partition;  ///< Encoded.
  std::string columns;    ///< Encoded statistics.
  std::string indexes;    ///< Encoded.
  std::string lineage;    ///< Encoded; empty for a live segment that no compaction made.

  static SegmentRow Of(std::uint64_t source, const SegmentMeta& meta);
  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
};

/// A dropped source whose files may still be there.
struct DroppedRow {
  std::uint64_t uid = 0;
  std::string id;
  std::string folder;

  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
};

// Reading: a select, then the row under the cursor. kCorruption names file, table and row when the
// checksum does not match or a part does not decode.
extern const char* const kSelectSources;
extern const char* const kSelectSchemas;
extern const char* const kSelectSegments;
extern const char* const kSelectSegment;  ///< By id.
extern const char* const kSelectDropped;

Result<SourceRow> ReadSourceRow(const SqliteStatement& row, const std::string& file);
Result<SchemaRow> ReadSchemaRow(const SqliteStatement& row, const std::string& file);
Result<SegmentRow> ReadSegmentRow(const SqliteStatement& row, const std::string& file);
Result<DroppedRow> ReadDroppedRow(const SqliteStatement& row, const std::string& file);

}  // namespace granary::storage
