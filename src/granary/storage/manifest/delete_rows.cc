#include "granary/storage/manifest/delete_rows.h"

#include <fmt/format.h>

#include "granary/base/bytes.h"
#include "granary/base/crc32c.h"

namespace granary::storage {

const char* const kDeleteTables = R"sql(
CREATE TABLE deletes (
  segment INTEGER NOT NULL, last_sequence INTEGER NOT NULL, source INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL, at_us INTEGER NOT NULL, deleted BLOB NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY (segment, last_sequence)) WITHOUT ROWID;
CREATE TABLE histories (
  source INTEGER PRIMARY KEY, deletes INTEGER NOT NULL, deletes_sum INTEGER NOT NULL,
  delete_sequence INTEGER NOT NULL, forgotten_generation INTEGER NOT NULL,
  forgotten_sequence INTEGER NOT NULL, crc INTEGER NOT NULL);
)sql";

const char* const kSelectDeletes =
    "SELECT segment, last_sequence, source, first_sequence, at_us, deleted, crc FROM deletes"
    " ORDER BY segment, last_sequence";
const char* const kSelectHistories =
    "SELECT source, deletes, deletes_sum, delete_sequence, forgotten_generation,"
    " forgotten_sequence, crc FROM histories ORDER BY source";

namespace {

Status CheckDeleteCrc(const std::string& file, std::string_view table, std::uint64_t row,
                      std::uint32_t expected, std::int64_t found) {
  if (found == expected) return Status::Ok();
  return Status::Corruption(fmt::format("{}: table {}, row {}: checksum {:08x}, expected {:08x}",
                                        file, table, row, found, expected));
}

}  // namespace

DeleteRow DeleteRow::Of(std::uint64_t source, std::uint64_t segment, const Deletion& deletion) {
  DeleteRow row{.source = source,
                .segment = segment,
                .first_sequence = deletion.first_sequence,
                .last_sequence = deletion.last_sequence,
                .at_us = deletion.at_us,
                .rows = {}};
  deletion.EncodeTo(row.rows);
  return row;
}

std::uint32_t DeleteRow::Crc() const {
  std::string bytes = "deletes";
  for (const std::uint64_t value : {segment, last_sequence, source, first_sequence})
    PutFixed(bytes, value);
  PutFixed(bytes, at_us);
  PutString(bytes, rows);
  return Crc32c(bytes);
}

Status DeleteRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(SqliteStatement insert,
                 db.Prepare("INSERT INTO deletes (segment, last_sequence, source, first_sequence,"
                            " at_us, deleted, crc) VALUES (?, ?, ?, ?, ?, ?, ?)"));
  insert.Unsigned(1, segment).Unsigned(2, last_sequence).Unsigned(3, source);
  insert.Unsigned(4, first_sequence).Integer(5, at_us).Blob(6, rows);
  return insert.Integer(7, Crc()).Run();
}

Result<DeletionPtr> DeleteRow::Decode(std::uint64_t segment_rows) const {
  Deletion deletion;
  deletion.first_sequence = first_sequence;
  deletion.last_sequence = last_sequence;
  deletion.at_us = at_us;
  GRANARY_TRY(deletion.DecodeRows(rows, segment_rows));
  return DeletionPtr(std::make_shared<const Deletion>(std::move(deletion)));
}

Result<DeleteRow> ReadDeleteRow(const SqliteStatement& row, const std::string& file) {
  DeleteRow deleted;
  deleted.segment = row.unsigned_integer(0);
  deleted.last_sequence = row.unsigned_integer(1);
  deleted.source = row.unsigned_integer(2);
  deleted.first_sequence = row.unsigned_integer(3);
  deleted.at_us = row.integer(4);
  deleted.rows = row.bytes(5);
  GRANARY_TRY(CheckDeleteCrc(file, "deletes", deleted.segment, deleted.Crc(), row.integer(6)));
  return deleted;
}

std::uint32_t HistoryRow::Crc() const {
  std::string bytes = "histories";
  for (const std::uint64_t value : {source, deletes.count, deletes.sum, delete_sequence,
                                    forgotten_generation, forgotten_sequence})
    PutFixed(bytes, value);
  return Crc32c(bytes);
}

Status HistoryRow::Write(SqliteDb& db) const {
  GRANARY_ASSIGN(SqliteStatement insert,
                 db.Prepare("INSERT OR REPLACE INTO histories (source, deletes, deletes_sum,"
                            " delete_sequence, forgotten_generation, forgotten_sequence, crc)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?)"));
  insert.Unsigned(1, source).Unsigned(2, deletes.count).Unsigned(3, deletes.sum);
  insert.Unsigned(4, delete_sequence).Unsigned(5, forgotten_generation);
  return insert.Unsigned(6, forgotten_sequence).Integer(7, Crc()).Run();
}

Result<HistoryRow> ReadHistoryRow(const SqliteStatement& row, const std::string& file) {
  HistoryRow history;
  history.source = row.unsigned_integer(0);
  history.deletes = {row.unsigned_integer(1), row.unsigned_integer(2)};
  history.delete_sequence = row.unsigned_integer(3);
  history.forgotten_generation = row.unsigned_integer(4);
  history.forgotten_sequence = row.unsigned_integer(5);
  GRANARY_TRY(CheckDeleteCrc(file, "histories", history.source, history.Crc(), row.integer(6)));
  return history;
}

}  // namespace granary::storage
