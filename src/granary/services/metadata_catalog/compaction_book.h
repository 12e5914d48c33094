// CompactionBook: the compactions that the catalog has nodes make: waiting, running, and what became
// of them.
//
// Life       waiting -> running, once the answer to its node has it -> done, failed or cancelled, as
//            the node reports. One of a node that begins anew, or is not heard of for long, failed.
// Promise    never more than so many run at once, over all nodes; those that somebody asked for
//            begin first.
// Threads    as the database: in its Change, or its Read for what only looks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/api/catalog_answer_json.h"
#include "granary/api/publication_json.h"
#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::catalog {

struct Compaction {
  std::uint64_t id = 0;
  std::string tenant, source;
  bool asked = false;  ///< Somebody did; else the schedule.
  std::string state;   ///< "waiting", "running", "done", "failed" or "cancelled".
  std::string cause;   ///< Why it was made, in words.
  std::int64_t created_us = 0;
  std::optional<std::int64_t> started_us, ended_us;
  std::string job, reason, failure;  ///< As the node says.
  std::uint64_t bytes_total = 0, bytes_done = 0;
  storage::CompactionCounts counts;
};

/// The one of this source that waits or runs, or a new one.
Result<Compaction> AskForCompaction(SqliteDb& db, const std::string& tenant,
                                    const std::string& source, bool asked, const std::string& cause,
                                    std::int64_t now_us);
Result<std::optional<Compaction>> FindCompaction(SqliteDb& db, std::uint64_t id);

struct CompactionFilter {
  std::optional<std::string> tenant, source, state;
};
/// The newest first, those below `before`.
Result<std::vector<Compaction>> ListCompactions(SqliteDb& db, const CompactionFilter& filter,
                                                std::uint64_t before, std::uint64_t limit);

struct OpenCounts {
  std::uint64_t waiting = 0, running = 0;
};
Result<OpenCounts> CountOpen(SqliteDb& db);

/// What a node says of one; what is not its tenant's, or has ended, stays as it is.
Status ReportCompaction(SqliteDb& db, const std::string& tenant,
                        const api::PublishedCompaction& report, std::int64_t now_us);
/// Those of a tenant that run, waiting ones having begun as far as there is room.
Result<std::vector<api::CompactionOrder>> HandOut(SqliteDb& db, const std::string& tenant,
                                                  std::uint64_t running_max, std::int64_t now_us);
/// Those of a tenant that run failed, for this reason.
Status FailRunning(SqliteDb& db, const std::string& tenant, const std::string& why,
                   std::int64_t now_us);
/// Lets the oldest ended ones go.
Status PruneCompactions(SqliteDb& db, std::uint64_t kept);

}  // namespace granary::catalog
