// The manifest's tables of idempotency keys and of secrets; rows as in manifest_rows.h.
//
// Shape      `key_counts` has a row for every source, with the number of its keys and the sum of
//            their checksums, so that a lost row of `write_keys` is noticed.
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"
#include "granary/storage/manifest/key_record.h"
#include "granary/storage/manifest/manifest_rows.h"

namespace granary::storage {

extern const char* const kKeyTables;  ///< The CREATE TABLE statements.

struct KeyRow {
  std::uint64_t source = 0;
  KeyRecord record;

  std::uint32_t Crc() const;
};

/// Writes and deletes rows of one source, and keeps count.
class KeyTable {
 public:
  static Result<KeyTable> Of(SqliteDb& db, std::uint64_t source);
  Status Insert(const KeyRecord& record, RowDigest& digest);
  Status Delete(const KeyRecord& record, RowDigest& digest);

 private:
  KeyTable(SqliteStatement insert, SqliteStatement remove, std::uint64_t source)
      : insert_(std::move(insert)), remove_(std::move(remove)), source_(source) {}
  SqliteStatement insert_;
  SqliteStatement remove_;
  std::uint64_t source_;
};

struct KeyCountRow {
  std::uint64_t source = 0;
  RowDigest keys;

  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
};

struct SecretRow {
  std::string name;
  std::string value;

  std::uint32_t Crc() const;
  Status Write(SqliteDb& db) const;
};

extern const char* const kSelectKeys;
extern const char* const kSelectKeyCounts;
extern const char* const kSelectSecrets;

Result<KeyRow> ReadKeyRow(const SqliteStatement& row, const std::string& file);
Result<KeyCountRow> ReadKeyCountRow(const SqliteStatement& row, const std::string& file);
Result<SecretRow> ReadSecretRow(const SqliteStatement& row, const std::string& file);

}  // namespace granary::storage
