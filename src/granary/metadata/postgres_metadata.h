// PostgresMetadata: a MetadataStore in a PostgreSQL database: the tables granary_metadata and
// granary_newest of the connection's schema.
//
// Promise    commits follow each other by the lock of granary_newest's row, which also gives the
//            version: whoever sees a version sees all before it. Durable as the server's
//            synchronous_commit says.
// Threads    fully safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "granary/metadata/metadata_store.h"
#include "granary/metadata/postgres_connection.h"

namespace granary::metadata {

class PostgresMetadata final : public MetadataStore {
 public:
  explicit PostgresMetadata(const Options& options);

  Result<std::uint64_t> Commit(const std::vector<Change>& changes,
                               std::optional<std::uint64_t> seen) override;
  Result<ChangeSet> Changes(std::uint64_t after) override;
  const std::string& where() const override { return where_; }

 private:
  Status Connect();
  Status Failed(const Status& failure);
  Result<std::uint64_t> CommitIn(PostgresConnection& db, const std::vector<Change>& changes,
                                 std::optional<std::uint64_t> seen);

  const PostgresPlace place_;
  const std::string where_;
  std::mutex mutex_;
  std::optional<PostgresConnection> db_;  // Guarded by mutex_.
};

}  // namespace granary::metadata
