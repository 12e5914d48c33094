// ClickHouseMetadata: a MetadataStore in a ClickHouse database: the tables granary_metadata and
// granary_lease, which it makes, and the database with them when it may.
//
// Shape      ReplacingMergeTree by version: a commit inserts its rows in one block, reads take the
//            newest of each (FINAL). Nothing is ever changed in place.
// Promise    one owner at a time (clickhouse_lease.h); versions are compared by that owner, within
//            its process. A commit is durable as the server's fsync settings say.
// Late       an insert whose answer did not come may be carried out later. So the server carries out
//            none unless the newest commit is still the one that it was decided over; and after one
//            that was not confirmed, and at the start, nothing is read or written before none runs.
// Threads    fully safe.
#pragma once

#include <mutex>
#include <string>

#include "granary/metadata/clickhouse_client.h"
#include "granary/metadata/clickhouse_lease.h"
#include "granary/metadata/metadata_store.h"

namespace granary::metadata {

class ClickHouseMetadata final : public MetadataStore {
 public:
  explicit ClickHouseMetadata(const Options& options);
  /// Releases the lease, if the server can be reached.
  ~ClickHouseMetadata() override;

  Result<std::uint64_t> Commit(const std::vector<Change>& changes,
                               std::optional<std::uint64_t> seen) override;
  Result<ChangeSet> Changes(std::uint64_t after) override;
  const std::string& where() const override { return where_; }

 private:
  Status MakeTables();
  /// Tables and lease.
  Status Prepare();
  Status Failed(const Status& failure);
  Result<std::uint64_t> Newest();
  Status CheckAll(const std::vector<Change>& changes);
  /// OK once no insert that somebody gave up runs.
  Status EndGivenUp();
  Status Insert(const std::vector<Change>& changes, std::uint64_t newest);
  /// What became of an insert that was carried out.
  Status CheckInserted(const std::vector<Change>& changes, std::uint64_t version);

  const std::string database_;
  const std::string table_;
  const std::string query_ids_;  // Of inserts into it: what they begin with.
  const std::string owner_;
  const std::string where_;
  std::mutex mutex_;  // Guards what follows.
  ClickHouseClient client_;
  ClickHouseLease lease_;
  bool has_tables_ = false;
  bool had_lease_ = false;
  bool may_run_ = true;  // An insert that was given up, here or by whoever was here before.
  std::uint64_t inserts_ = 0;
};

}  // namespace granary::metadata
