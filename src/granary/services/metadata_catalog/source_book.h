// SourceBook: what nodes told of their sources, and the history that follows from it.
//
// Parts      of a source, each builds on the one before (api/publication_json.h). One that builds
//            on another than the last is not taken: the source is asked for from its beginning. One
//            that was taken already changes nothing.
// Begun anew a source whose parts begin with base 0 is compared: files that were not told again by
//            its last part went meanwhile.
// Snapshots  each complete part that brought or took files, or deleted rows of some, makes one.
//            Several commits of a node between two parts are one snapshot.
// Threads    as the database: in its Change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/api/publication_json.h"
#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::catalog {

struct BookLimits {
  std::uint64_t snapshots_kept = 1'000;
  std::uint64_t sources_max = 100'000;
  std::uint64_t files_max = 1'000'000;  ///< Live ones, of a source.
};

/// A source as the catalog has it.
struct SourceRow {
  std::int64_t row = 0;  ///< 0: not there yet.
  std::string tenant, id;
  std::uint64_t uid = 0, session = 0, number = 0;
  std::uint64_t sync = 0;  ///< Counts the times that it was begun anew.
  bool syncing = false;    ///< Begun anew, and not complete since.
  bool complete = false;   ///< The last part was.
  std::string definition;  ///< Encoded.
  std::uint32_t schema_version = 0;
  std::int64_t created_us = 0;
  std::optional<std::int64_t> last_write_us;
  std::uint64_t flushed_sequence = 0;
  std::uint64_t files = 0, rows = 0, bytes = 0, deleted_rows = 0;  ///< Of live files.
  std::uint64_t snapshot = 0;                                      ///< The newest; 0: none.
  bool deletes_changed = false;                                    ///< Since that.
  std::string statistics, bounds;                                  ///< As told; empty: never.
  std::uint32_t bounds_version = 0;                                ///< Of the schema then.
  std::optional<std::int64_t> statistics_us;
  api::PublishedMerges merges;
  std::int64_t first_seen_us = 0, published_us = 0;
};

/// Nothing when the source is not there.
Result<std::optional<SourceRow>> FindSource(SqliteDb& db, const std::string& tenant,
                                            const std::string& id);
/// In order of tenant and id, from behind `after_tenant` and `after_id`; of one tenant alone when
/// it is named.
Result<std::vector<SourceRow>> ListSources(SqliteDb& db, const std::optional<std::string>& tenant,
                                           const std::string& after_tenant,
                                           const std::string& after_id, std::uint64_t limit);

/// In order; at most `limit`.
Result<std::vector<std::string>> ListSourceIds(SqliteDb& db, const std::string& tenant,
                                               std::uint64_t limit);

/// Takes what a node told; returns the sources that must be told from their beginning.
/// kQuotaExceeded past a limit: nothing is taken then.
Result<std::vector<SourceId>> TakePublication(SqliteDb& db, const api::Publication& publication,
                                              const BookLimits& limits, std::int64_t now_us);

/// Those of a tenant, all or those that were not told of in `kept_session`.
Status DropSourcesOf(SqliteDb& db, const std::string& tenant,
                     std::optional<std::uint64_t> kept_session);

}  // namespace granary::catalog
