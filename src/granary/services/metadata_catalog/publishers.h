// Publishers: which node tells of which tenant.
//
// Promise    a tenant, and a node's id, belong to the key that came first with them: nobody else
//            tells of it. Only the key's SHA-256 is kept.
// Sessions   each start of a node's telling has a number, higher than any before; what comes under
//            an older one is refused.
// Threads    as the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/compaction_policy_json.h"
#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::catalog {

/// What a node says when it begins: PUT /metadata/nodes/{node_id}.
struct NodeIntroduction {
  std::string node, key, tenant, version;
  api::CompactionPolicy policy;  ///< Of its own settings.
  std::uint64_t columns_max = 1'000;
};
/// Errors with pointers; unknown members are refused.
Result<NodeIntroduction> ParseIntroduction(const std::string& node, std::string_view body);

struct Publisher {
  std::string tenant, node, version;
  std::uint64_t session = 0;
  api::CompactionPolicy policy;
  std::uint64_t columns_max = 0;
  std::int64_t since_us = 0;  ///< When the session began.
};

/// A new session's number. kPermissionDenied where tenant or node belong to another key.
Result<std::uint64_t> OpenSession(SqliteDb& db, const NodeIntroduction& node, std::int64_t now_us);
/// kPermissionDenied for another key or node, kConflict for a session that is not the newest.
Status CheckSession(SqliteDb& db, const std::string& node, const std::string& key,
                    const std::string& tenant, std::uint64_t session);

Result<std::vector<Publisher>> ListPublishers(SqliteDb& db);
Result<std::optional<Publisher>> FindPublisher(SqliteDb& db, const std::string& tenant);
/// All that it told goes with it. kNotFound.
Status ForgetPublisher(SqliteDb& db, const std::string& tenant);

/// Counts up the counter, and returns what it is then.
Result<std::uint64_t> CountUp(SqliteDb& db, std::string_view counter);

}  // namespace granary::catalog
