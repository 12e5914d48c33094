// The manifest's tables of deleted rows and of what of a source's past is gone; rows as in
// manifest_rows.h.
//
// Shape      `deletes` has a row for each version of a segment's Deletions; `histories` one for
//            every source, with the number of its rows in `deletes` and the sum of their checksums,
//            so that a lost one is noticed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"
#include "granary/storage/manifest/manifest_rows.h"
#include "granary/storage/segment/deletions.h"

namespace granary::storage {

extern const char* const kDeleteTables;  ///< The CREATE TABLE statements.

struct DeleteRow {
  std::uint64_t source = 0;
  std::uint64_t segment = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::int64_t at_us = 0;
  std::string rows;  ///< Encoded: Deletion::EncodeTo.

  static DeleteRow Of(std::uint64_t source, std::uint64_t segment, const Deletion& deletion);
  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
  /// kCorruption when the bytes are not what a segment of so many rows may have deleted.
  Result<DeletionPtr> Decode(std::uint64_t segment_rows) const;
};

/// What of the past of a source can be had again.
struct HistoryRow {
  std::uint64_t source = 0;
  RowDigest deletes;
  std::uint64_t delete_sequence = 0;       ///< The last moment at which rows were deleted.
  std::uint64_t forgotten_generation = 0;  ///< Files of before this compaction may be gone.
  std::uint64_t forgotten_sequence = 0;    ///< Moments of before cannot be told apart any more.

  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
};

extern const char* const kSelectDeletes;
extern const char* const kSelectHistories;

Result<DeleteRow> ReadDeleteRow(const SqliteStatement& row, const std::string& file);
Result<HistoryRow> ReadHistoryRow(const SqliteStatement& row, const std::string& file);

}  // namespace granary::storage
