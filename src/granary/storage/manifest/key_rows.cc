#include "granary/storage/manifest/key_rows.h"

#include <fmt/format.h>

#include "granary/base/bytes.h"
#include "granary/base/crc32c.h"

namespace granary::storage {

const char* const kKeyTables = R"sql(
CREATE TABLE write_keys (
  source INTEGER NOT NULL, key TEXT NOT NULL, body_low INTEGER NOT NULL, body_high INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL, records INTEGER NOT NULL, schema_version INTEGER NOT NULL,
  durable INTEGER NOT NULL, written_us INTEGER NOT NULL, note BLOB NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY (source, key)) WITHOUT ROWID;
CREATE TABLE key_counts (
  source INTEGER PRIMARY KEY, keys INTEGER NOT NULL, keys_sum INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE secrets (
  name TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
)sql";

const char* const kSelectKeys =
    "SELECT source, key, body_low, body_high, first_sequence, records, schema_version, durable,"
    " written_us, note, crc FROM write_keys ORDER BY source, key";
const char* const kSelectKeyCounts =
    "SELECT source, keys, keys_sum, crc FROM key_counts ORDER BY source";
const char* const kSelectSecrets = "SELECT name, value, crc FROM secrets ORDER BY name";

namespace {

Status CheckCrc(const std::string& file, std::string_view table, std::string_view row,
                std::uint32_t expected, std::int64_t found) {
  if (found == expected) return Status::Ok();
  return Status::Corruption(fmt::format("{}: table {}, row {}: checksum {:08x}, expected {:08x}",
                                        file, table, row, found, expected));
}

}  // namespace

std::uint32_t KeyRow::Crc() const {
  std::string bytes = "write_keys";
  PutFixed(bytes, source);
  PutString(bytes, record.key);
  PutFixed(bytes, record.body.low);
  PutFixed(bytes, record.body.high);
  PutFixed(bytes, record.first_sequence);
  // Of more than 32 bits only what needs them: rows of before have no upper half.
  PutFixed(bytes, static_cast<std::uint32_t>(record.records));
  if (record.records >> 32 != 0) PutFixed(bytes, static_cast<std::uint32_t>(record.records >> 32));
  PutFixed(bytes, record.schema_version);
  PutFixed(bytes, static_cast<std::uint8_t>(record.durable ? 1 : 0));
  PutFixed(bytes, record.written_us);
  PutString(bytes, record.note);
  return Crc32c(bytes);
}

Result<KeyTable> KeyTable::Of(SqliteDb& db, std::uint64_t source) {
  GRANARY_ASSIGN(SqliteStatement insert,
                 db.Prepare("INSERT INTO write_keys (source, key, body_low, body_high,"
                            " first_sequence, records, schema_version, durable, written_us, note,"
                            " crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  GRANARY_ASSIGN(SqliteStatement remove,
                 db.Prepare("DELETE FROM write_keys WHERE source = ? AND key = ?"));
  return KeyTable(std::move(insert), std::move(remove), source);
}

Status KeyTable::Insert(const KeyRecord& record, RowDigest& digest) {
  const std::uint32_t crc = KeyRow{source_, record}.Crc();
  insert_.Unsigned(1, source_).Text(2, record.key);
  insert_.Unsigned(3, record.body.low).Unsigned(4, record.body.high);
  insert_.Unsigned(5, record.first_sequence).Unsigned(6, record.records);
  insert_.Integer(7, record.schema_version).Integer(8, record.durable ? 1 : 0);
  insert_.Integer(9, record.written_us).Blob(10, record.note).Integer(11, crc);
  GRANARY_TRY(insert_.Run());
  digest.Add(crc);
  return Status::Ok();
}

Status KeyTable::Delete(const KeyRecord& record, RowDigest& digest) {
  GRANARY_TRY(remove_.Unsigned(1, source_).Text(2, record.key).Run());
  digest.Remove(KeyRow{source_, record}.Crc());
  return Status::Ok();
}

Result<KeyRow> ReadKeyRow(const SqliteStatement& row, const std::string& file) {
  KeyRow key;
  key.source = row.unsigned_integer(0);
  key.record.key = row.bytes(1);
  key.record.body = {row.unsigned_integer(2), row.unsigned_integer(3)};
  key.record.first_sequence = row.unsigned_integer(4);
  key.record.records = row.unsigned_integer(5);
  key.record.schema_version = static_cast<std::uint32_t>(row.integer(6));
  key.record.durable = row.integer(7) != 0;
  key.record.written_us = row.integer(8);
  key.record.note = row.bytes(9);
  GRANARY_TRY(CheckCrc(file, "write_keys", key.record.key, key.Crc(), row.integer(10)));
  return key;
}

std::uint32_t KeyCountRow::Crc() const {
  std::string bytes = "key_counts";
  PutFixed(bytes, source);
  PutFixed(bytes, keys.count);
  PutFixed(bytes, keys.sum);
  return Crc32c(bytes);
}

Status KeyCountRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(SqliteStatement insert,
                 db.Prepare("INSERT OR REPLACE INTO key_counts (source, keys, keys_sum, crc)"
                            " VALUES (?, ?, ?, ?)"));
  insert.Unsigned(1, source).Unsigned(2, keys.count).Unsigned(3, keys.sum);
  return insert.Integer(4, Crc()).Run();
}

Result<KeyCountRow> ReadKeyCountRow(const SqliteStatement& row, const std::string& file) {
  KeyCountRow count;
  count.source = row.unsigned_integer(0);
  count.keys = {row.unsigned_integer(1), row.unsigned_integer(2)};
  GRANARY_TRY(
      CheckCrc(file, "key_counts", std::to_string(count.source), count.Crc(), row.integer(3)));
  return count;
}

std::uint32_t SecretRow::Crc() const {
  std::string bytes = "secrets";
  PutString(bytes, name);
  PutString(bytes, value);
  return Crc32c(bytes);
}

Status SecretRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(SqliteStatement insert,
                 db.Prepare("INSERT INTO secrets (name, value, crc) VALUES (?, ?, ?)"));
  return insert.Text(1, name).Blob(2, value).Integer(3, Crc()).Run();
}

Result<SecretRow> ReadSecretRow(const SqliteStatement& row, const std::string& file) {
  SecretRow secret;
  secret.name = row.bytes(0);
  secret.value = row.bytes(1);
  GRANARY_TRY(CheckCrc(file, "secrets", secret.name, secret.Crc(), row.integer(2)));
  return secret;
}

}  // namespace granary::storage
