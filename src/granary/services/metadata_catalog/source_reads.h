// What the catalog has of a source, read for people and engines, and as JSON.
//
// Threads    as the database: in its Read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/api/json_object.h"
#include "granary/base/status.h"
#include "granary/services/metadata_catalog/schema_check.h"
#include "granary/services/metadata_catalog/source_book.h"
#include "granary/sqlite/sqlite_db.h"
#include "granary/storage/manifest/manifest.h"

namespace granary::catalog {

/// kSourceNotFound.
Result<SourceRow> NeedSource(SqliteDb& db, const std::string& tenant, const std::string& id);
/// Oldest first; never empty.
Result<std::vector<storage::SchemaVersion>> ReadSchemas(SqliteDb& db, const SourceRow& source);
/// The source as CheckSchemaChange wants it. kCorruption when it does not decode.
Result<CheckedSource> ReadChecked(SqliteDb& db, const SourceRow& source);

/// A page of rows: {"<name>": […], "next_after": …}, the names being "snapshots" and "files".
struct PageOf {
  std::uint64_t after = 0, limit = 100;
};
/// In order of their ids, from behind `page.after`.
Result<std::string> SnapshotsJson(SqliteDb& db, const SourceRow& source, const PageOf& page);
struct FileFilter {
  std::optional<std::string> partition;
  std::optional<std::uint64_t> snapshot;  ///< Files that were live in it; the newest when not said.
};
/// kNotFound for a snapshot that is not kept.
Result<std::string> FilesJson(SqliteDb& db, const SourceRow& source, const FileFilter& filter,
                              const PageOf& page);

/// The members of a source in lists.
void AddSummary(const SourceRow& source, api::JsonObject& object);
/// GET /metadata/stats, without what the database does not know.
void AddTotals(SqliteDb& db, api::JsonObject& object, Status& failure);

}  // namespace granary::catalog
