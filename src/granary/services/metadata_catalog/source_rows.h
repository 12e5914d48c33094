// The rows of table sources: read, written, removed with all that belongs to them.
//
// Threads    as the database.
#pragma once

#include "granary/base/status.h"
#include "granary/services/metadata_catalog/source_book.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::catalog {

/// As it is; one that is not there yet gets its row.
Status WriteSource(SqliteDb& db, SourceRow& source);
/// With its schemas, files and snapshots.
Status DropSource(SqliteDb& db, std::int64_t row);
Result<std::uint64_t> CountSources(SqliteDb& db);

}  // namespace granary::catalog
