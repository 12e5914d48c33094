// SqliteMetadata: a MetadataStore in a SQLite file, its owner's alone (0600).
//
// Promise    WAL journal, synchronous=FULL. Two processes may have it open, once one of them has made
//            it; the file's lock makes commits follow each other.
// Errors     kConflict for a file that is not ours or of a newer format, kCorruption; failures of
//            the disk are kUnavailable, and the next call opens the file again.
// Threads    fully safe.
#pragma once

#include <mutex>
#include <optional>

#include "granary/metadata/metadata_store.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::metadata {

inline constexpr std::int64_t kMetadataApplicationId = 0x47'52'41'4d;  ///< "GRAM"
inline constexpr std::int64_t kMetadataFormat = 1;

class SqliteMetadata final : public MetadataStore {
 public:
  explicit SqliteMetadata(const Options& options);

  Result<std::uint64_t> Commit(const std::vector<Change>& changes,
                               std::optional<std::uint64_t> seen) override;
  Result<ChangeSet> Changes(std::uint64_t after) override;
  const std::string& where() const override { return where_; }

 private:
  Status Connect();
  /// What is to be told of a failure; a broken connection is dropped.
  Status Failed(const Status& failure);
  Result<std::uint64_t> CommitIn(SqliteDb& db, const std::vector<Change>& changes,
                                 std::optional<std::uint64_t> seen);

  const std::string file_;
  const std::int64_t timeout_ms_;
  const std::string where_;
  std::mutex mutex_;
  std::optional<SqliteDb> db_;  // Guarded by mutex_, as is:
  bool was_open_ = false;  // From then on no new file is made in the place of one that is gone.
};

}  // namespace granary::metadata
