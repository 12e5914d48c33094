#include "granary/services/metadata_catalog/source_rows.h"

namespace granary::catalog {
namespace {

constexpr const char* kSelectSources =
    "SELECT row, tenant, id, uid, session, number, sync, syncing, complete, definition, "
    "schema_version, created_us, last_write_us, flushed_sequence, files, rows, bytes, "
    "deleted_rows, snapshot, deletes_changed, statistics, bounds, bounds_version, statistics_us, "
    "merges, merge_bytes, merge_reason, debt_files, debt_bytes, first_seen_us, published_us "
    "FROM sources";

SourceRow SourceAt(const SqliteStatement& row) {
  SourceRow out;
  out.row = row.integer(0);
  out.tenant = row.bytes(1);
  out.id = row.bytes(2);
  out.uid = row.unsigned_integer(3);
  out.session = row.unsigned_integer(4);
  out.number = row.unsigned_integer(5);
  out.sync = row.unsigned_integer(6);
  out.syncing = row.integer(7) != 0;
  out.complete = row.integer(8) != 0;
  out.definition = row.bytes(9);
  out.schema_version = static_cast<std::uint32_t>(row.integer(10));
  out.created_us = row.integer(11);
  out.last_write_us = row.optional_integer(12);
  out.flushed_sequence = row.unsigned_integer(13);
  out.files = row.unsigned_integer(14);
  out.rows = row.unsigned_integer(15);
  out.bytes = row.unsigned_integer(16);
  out.deleted_rows = row.unsigned_integer(17);
  out.snapshot = row.unsigned_integer(18);
  out.deletes_changed = row.integer(19) != 0;
  out.statistics = row.bytes(20);
  out.bounds = row.bytes(21);
  out.bounds_version = static_cast<std::uint32_t>(row.integer(22));
  out.statistics_us = row.optional_integer(23);
  out.merges = {.merges = row.unsigned_integer(24),
                .bytes = row.unsigned_integer(25),
                .debt_files = row.unsigned_integer(27),
                .debt_bytes = row.unsigned_integer(28),
                .reason = std::string(row.bytes(26))};
  out.first_seen_us = row.integer(29);
  out.published_us = row.integer(30);
  return out;
}

SqliteStatement& OptionalInteger(SqliteStatement& statement, int position,
                                 const std::optional<std::int64_t>& value) {
  return value ? statement.Integer(position, *value) : statement.Null(position);
}

}  // namespace

Result<std::optional<SourceRow>> FindSource(SqliteDb& db, const std::string& tenant,
                                            const std::string& id) {
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare(std::string(kSelectSources) + " WHERE tenant = ? AND id = ?"));
  rows.Text(1, tenant).Text(2, id);
  GRANARY_ASSIGN(const bool row, rows.Step());
  if (!row) return std::optional<SourceRow>();
  return std::optional(SourceAt(rows));
}

Result<std::vector<SourceRow>> ListSources(SqliteDb& db, const std::optional<std::string>& tenant,
                                           const std::string& after_tenant,
                                           const std::string& after_id, std::uint64_t limit) {
  std::string sql = std::string(kSelectSources) + " WHERE (tenant, id) > (?, ?)";
  if (tenant) sql += " AND tenant = ?";
  sql += " ORDER BY tenant, id LIMIT ?";
  GRANARY_ASSIGN(SqliteStatement rows, db.Prepare(sql));
  rows.Text(1, after_tenant).Text(2, after_id);
  if (tenant) rows.Text(3, *tenant);
  rows.Unsigned(tenant ? 4 : 3, limit);
  std::vector<SourceRow> out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    out.push_back(SourceAt(rows));
  }
}

Result<std::vector<std::string>> ListSourceIds(SqliteDb& db, const std::string& tenant,
                                               std::uint64_t limit) {
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare("SELECT id FROM sources WHERE tenant = ? ORDER BY id LIMIT ?"));
  rows.Text(1, tenant).Unsigned(2, limit);
  std::vector<std::string> out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    out.emplace_back(rows.bytes(0));
  }
}

Status WriteSource(SqliteDb& db, SourceRow& source) {
  GRANARY_ASSIGN(
      SqliteStatement write,
      db.Prepare(
          "INSERT OR REPLACE INTO sources (row, tenant, id, uid, session, number, sync, syncing, "
          "complete, definition, schema_version, created_us, last_write_us, flushed_sequence, "
          "files, rows, bytes, deleted_rows, snapshot, deletes_changed, statistics, bounds, "
          "bounds_version, statistics_us, merges, merge_bytes, merge_reason, debt_files, "
          "debt_bytes, first_seen_us, published_us) VALUES "
          "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING row"));
  if (source.row == 0)
    write.Null(1);
  else
    write.Integer(1, source.row);
  write.Text(2, source.tenant).Text(3, source.id).Unsigned(4, source.uid);
  write.Unsigned(5, source.session).Unsigned(6, source.number).Unsigned(7, source.sync);
  write.Integer(8, source.syncing ? 1 : 0).Integer(9, source.complete ? 1 : 0);
  write.Blob(10, source.definition).Integer(11, source.schema_version);
  write.Integer(12, source.created_us);
  OptionalInteger(write, 13, source.last_write_us).Unsigned(14, source.flushed_sequence);
  write.Unsigned(15, source.files).Unsigned(16, source.rows).Unsigned(17, source.bytes);
  write.Unsigned(18, source.deleted_rows).Unsigned(19, source.snapshot);
  write.Integer(20, source.deletes_changed ? 1 : 0).Text(21, source.statistics);
  write.Text(22, source.bounds).Integer(23, source.bounds_version);
  OptionalInteger(write, 24, source.statistics_us).Unsigned(25, source.merges.merges);
  write.Unsigned(26, source.merges.bytes).Text(27, source.merges.reason);
  write.Unsigned(28, source.merges.debt_files).Unsigned(29, source.merges.debt_bytes);
  write.Integer(30, source.first_seen_us).Integer(31, source.published_us);
  GRANARY_ASSIGN(const bool row, write.Step());
  if (!row) return Status::Internal("a source was written and has no row");
  source.row = write.integer(0);
  return Status::Ok();
}

Status DropSource(SqliteDb& db, std::int64_t row) {
  for (const char* sql :
       {"DELETE FROM schemas WHERE source = ?", "DELETE FROM files WHERE source = ?",
        "DELETE FROM snapshots WHERE source = ?", "DELETE FROM sources WHERE row = ?"}) {
    GRANARY_ASSIGN(SqliteStatement gone, db.Prepare(sql));
    GRANARY_TRY(gone.Integer(1, row).Run());
  }
  return Status::Ok();
}

Status DropSourcesOf(SqliteDb& db, const std::string& tenant,
                     std::optional<std::uint64_t> kept_session) {
  std::vector<std::int64_t> rows;
  {
    GRANARY_ASSIGN(SqliteStatement found,
                   db.Prepare("SELECT row FROM sources WHERE tenant = ? AND session <> ?"));
    // No session is 0.
    found.Text(1, tenant).Unsigned(2, kept_session.value_or(0));
    for (;;) {
      GRANARY_ASSIGN(const bool row, found.Step());
      if (!row) break;
      rows.push_back(found.integer(0));
    }
  }
  for (const std::int64_t row : rows) GRANARY_TRY(DropSource(db, row));
  return Status::Ok();
}

Result<std::uint64_t> CountSources(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t count, db.QueryInteger("SELECT count(*) FROM sources"));
  return static_cast<std::uint64_t>(count);
}

}  // namespace granary::catalog
