#include "granary/services/metadata_catalog/source_reads.h"

#include <array>

#include <fmt/format.h>

#include "granary/api/publication_json.h"

namespace granary::catalog {
namespace {

Result<Schema> DecodedSchema(const SourceRow& source, std::string_view bytes) {
  Result<Schema> schema = Schema::Decode(bytes);
  if (schema.ok()) return schema;
  return schema.status().At(fmt::format("source \"{}/{}\"", source.tenant, source.id));
}

void AppendSnapshot(const SqliteStatement& row, std::string& out) {
  api::JsonObject object(out);
  object.Add("snapshot_id", row.unsigned_integer(0));
  object.AddInstant("at", row.integer(1));
  object.Add("operation", row.bytes(2));
  constexpr std::array kNumbers = {
      "schema_version", "flushed_sequence", "files_added",   "rows_added", "bytes_added",
      "files_removed",  "rows_removed",     "bytes_removed", "files",      "rows",
      "bytes",          "deleted_rows"};
  for (std::size_t i = 0; i < kNumbers.size(); ++i)
    object.Add(kNumbers[i], row.unsigned_integer(static_cast<int>(i) + 3));
  object.Close();
}

void AppendFile(const SqliteStatement& row, std::string& out) {
  api::JsonObject object(out);
  object.Add("file_id", row.unsigned_integer(0));
  object.Add("path", row.bytes(1));
  object.Add("partition", row.bytes(2));
  constexpr std::array kNumbers = {"bytes",        "rows",       "deleted_rows",  "min_sequence",
                                   "max_sequence", "generation", "schema_version"};
  for (std::size_t i = 0; i < kNumbers.size(); ++i)
    object.Add(kNumbers[i], row.unsigned_integer(static_cast<int>(i) + 3));
  object.AddInstant("created_at", row.integer(10));
  object.Add("added_snapshot", row.unsigned_integer(12));
  if (const auto removed = row.optional_integer(13))
    object.Add("removed_snapshot", *removed);
  else
    object.AddNull("removed_snapshot");
  object.Key("columns").append(row.bytes(11).empty() ? "{}" : row.bytes(11));
  object.Close();
}

// Of the rows of a statement that gives one more than the limit; ids are its first column.
template <typename Append>
Status AppendPage(SqliteStatement& rows, std::string_view name, std::uint64_t limit,
                  const Append& append, api::JsonObject& object) {
  std::string& out = object.Key(name);
  out.push_back('[');
  std::uint64_t count = 0, last = 0;
  bool more = false;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) break;
    more = count == limit;
    if (more) break;
    if (count++ > 0) out.push_back(',');
    last = rows.unsigned_integer(0);
    append(rows, out);
  }
  out.push_back(']');
  object.Add("next_after", more ? std::optional(last) : std::nullopt);
  return Status::Ok();
}

Status CheckSnapshot(SqliteDb& db, const SourceRow& source, std::uint64_t snapshot) {
  GRANARY_ASSIGN(SqliteStatement found,
                 db.Prepare("SELECT 1 FROM snapshots WHERE source = ? AND id = ?"));
  found.Integer(1, source.row).Unsigned(2, snapshot);
  GRANARY_ASSIGN(const bool row, found.Step());
  if (row) return Status::Ok();
  return {Code::kNotFound, fmt::format("source \"{}\" has no snapshot {}, or it is not kept any "
                                       "more",
                                       source.id, snapshot)};
}

}  // namespace

Result<SourceRow> NeedSource(SqliteDb& db, const std::string& tenant, const std::string& id) {
  GRANARY_ASSIGN(auto found, FindSource(db, tenant, id));
  if (found) return std::move(*found);
  return Status(Code::kSourceNotFound,
                fmt::format("no node has told of source \"{}\" of tenant \"{}\"", id, tenant));
}

Result<std::vector<storage::SchemaVersion>> ReadSchemas(SqliteDb& db, const SourceRow& source) {
  GRANARY_ASSIGN(
      SqliteStatement rows,
      db.Prepare("SELECT encoded, made_us FROM schemas WHERE source = ? ORDER BY version"));
  rows.Integer(1, source.row);
  std::vector<storage::SchemaVersion> out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) break;
    GRANARY_ASSIGN(Schema schema, DecodedSchema(source, rows.bytes(0)));
    out.push_back({std::make_shared<const Schema>(std::move(schema)), rows.integer(1)});
  }
  if (!out.empty()) return out;
  return Status::Corruption(
      fmt::format("{}: source \"{}/{}\" has no schema", db.path(), source.tenant, source.id));
}

Result<CheckedSource> ReadChecked(SqliteDb& db, const SourceRow& source) {
  GRANARY_ASSIGN(const auto schemas, ReadSchemas(db, source));
  CheckedSource out;
  out.schema = *schemas.back().schema;
  GRANARY_ASSIGN(out.definition, storage::SourceDefinition::Decode(source.definition));
  if (!source.bounds.empty() && source.bounds_version == out.schema.version())
    out.bounds = api::ReadBounds(source.bounds);
  return out;
}

Result<std::string> SnapshotsJson(SqliteDb& db, const SourceRow& source, const PageOf& page) {
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare("SELECT id, at_us, operation, schema_version, flushed_sequence, "
                            "files_added, rows_added, bytes_added, files_removed, rows_removed, "
                            "bytes_removed, files, rows, bytes, deleted_rows FROM snapshots WHERE "
                            "source = ? AND id > ? ORDER BY id LIMIT ?"));
  rows.Integer(1, source.row).Unsigned(2, page.after).Unsigned(3, page.limit + 1);
  std::string out;
  api::JsonObject object(out);
  object.Add("tenant_id", source.tenant);
  object.Add("source_id", source.id);
  GRANARY_TRY(AppendPage(rows, "snapshots", page.limit, AppendSnapshot, object));
  object.Close();
  return out;
}

Result<std::string> FilesJson(SqliteDb& db, const SourceRow& source, const FileFilter& filter,
                              const PageOf& page) {
  const std::uint64_t snapshot = filter.snapshot.value_or(source.snapshot);
  if (filter.snapshot) GRANARY_TRY(CheckSnapshot(db, source, snapshot));
  GRANARY_ASSIGN(
      SqliteStatement rows,
      db.Prepare(fmt::format("SELECT id, path, partition, bytes, rows, deleted_rows, "
                             "min_sequence, max_sequence, generation, schema_version, "
                             "created_us, columns, added, removed FROM files WHERE source = ? "
                             "AND id > ? AND added <= ? AND (removed IS NULL OR removed > ?) {} "
                             "ORDER BY id LIMIT ?",
                             filter.partition ? "AND partition = ?" : "")));
  rows.Integer(1, source.row).Unsigned(2, page.after).Unsigned(3, snapshot).Unsigned(4, snapshot);
  if (filter.partition) rows.Text(5, *filter.partition);
  rows.Unsigned(filter.partition ? 6 : 5, page.limit + 1);
  std::string out;
  api::JsonObject object(out);
  object.Add("tenant_id", source.tenant);
  object.Add("source_id", source.id);
  object.Add("snapshot_id", snapshot > 0 ? std::optional(snapshot) : std::nullopt);
  GRANARY_TRY(AppendPage(rows, "files", page.limit, AppendFile, object));
  object.Close();
  return out;
}

void AddSummary(const SourceRow& source, api::JsonObject& object) {
  object.Add("tenant_id", source.tenant);
  object.Add("source_id", source.id);
  object.Add("schema_version", source.schema_version);
  object.Add("files", source.files);
  object.Add("rows", source.rows);
  object.Add("deleted_rows", source.deleted_rows);
  object.Add("bytes", source.bytes);
  object.Add("snapshot_id", source.snapshot > 0 ? std::optional(source.snapshot) : std::nullopt);
  object.Add("flushed_sequence", source.flushed_sequence);
  object.AddInstant("created_at", source.created_us);
  object.AddInstant("last_write", source.last_write_us);
  object.AddInstant("published_at", source.published_us);
  object.Add("complete", source.complete);
}

void AddTotals(SqliteDb& db, api::JsonObject& object, Status& failure) {
  const auto add = [&](const char* name, const char* sql) {
    const auto value = db.QueryInteger(sql);
    if (!value.ok()) failure = value.status();
    object.Add(name, value.ok() ? *value : 0);
  };
  add("tenants", "SELECT count(*) FROM publishers");
  add("sources", "SELECT count(*) FROM sources");
  add("files", "SELECT coalesce(sum(files), 0) FROM sources");
  add("rows", "SELECT coalesce(sum(rows), 0) FROM sources");
  add("deleted_rows", "SELECT coalesce(sum(deleted_rows), 0) FROM sources");
  add("bytes", "SELECT coalesce(sum(bytes), 0) FROM sources");
  add("schemas", "SELECT count(*) FROM schemas");
  add("snapshots", "SELECT count(*) FROM snapshots");
  add("debt_files", "SELECT coalesce(sum(debt_files), 0) FROM sources");
  add("policies", "SELECT count(*) FROM policies");
  add("compactions_waiting",
      "SELECT count(*) FROM compactions WHERE ended_us IS NULL AND state = 'waiting'");
  add("compactions_running",
      "SELECT count(*) FROM compactions WHERE ended_us IS NULL AND state = 'running'");
}

}  // namespace granary::catalog
