// MetadataStore: rows that outlive their service, in SQLite, PostgreSQL or ClickHouse.
//
//   store->Commit({{"tenant", "acme", 0, R"({"name":"Acme"})"}})   the row is new, or kConflict
//   store->Changes(0)                                             all rows
//   store->Changes(7)                                             what came after the 7th commit
//
// Promise    a commit is there whole and survives a power cut once Commit has returned, or is not
//            there at all. Whoever asks for changes sees commits in the order of their versions,
//            none of them left out.
// Together   SQLite and PostgreSQL compare and set: of two who change a row from the same version
//            one gets kConflict. ClickHouse cannot. There a lease admits one owner; a second one is
//            refused with kConflict for as long as the first renews it (clickhouse_lease.h says
//            what is left open).
// Away       a store that does not answer is kUnavailable, within Options::timeout_ms. Each call
//            tries anew, so it comes back by itself. A commit whose answer did not come may have
//            been carried out; the message says so.
// Threads    fully safe; one call at a time goes to the server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/metadata/metadata_row.h"

namespace granary::metadata {

enum class StoreType : std::uint8_t { kSqlite, kPostgres, kClickHouse };

struct Options {
  StoreType type = StoreType::kSqlite;
  std::string file;  ///< SQLite's. Its folder is there.
  // Of the others.
  std::string host = "127.0.0.1";
  std::int64_t port = 0;  ///< 0: the usual one, 5432 or 8123.
  std::string database = "granary";
  std::string user, password;
  bool tls = false;
  std::int64_t timeout_ms = 5'000;
  /// Who asks, for ClickHouse's lease. Two with the same name are taken for one.
  std::string owner = "granary";
};

class MetadataStore {
 public:
  virtual ~MetadataStore() = default;

  /// Carries out all changes or none, and returns the version of the commit. kConflict when a row
  /// is not as expected, or when `seen` is given and is not the newest version: then nothing that
  /// the caller has not seen was there. CheckChanges' errors, kUnavailable, kDiskFull.
  virtual Result<std::uint64_t> Commit(const std::vector<Change>& changes,
                                       std::optional<std::uint64_t> seen = {}) = 0;
  /// Rows that were written after the commit `after`; 0: all that there are, deleted ones too.
  virtual Result<ChangeSet> Changes(std::uint64_t after) = 0;
  /// "PostgreSQL at 127.0.0.1:5432/granary", for logs and messages. No secrets.
  virtual const std::string& where() const = 0;
};

/// "sqlite", "postgresql", "clickhouse".
std::optional<StoreType> ParseStoreType(std::string_view name);
std::string_view StoreTypeName(StoreType type);

/// Names of a database that need no quoting anywhere: a letter or _, then letters, digits and _, at
/// most 63.
bool IsDatabaseName(std::string_view name);

/// Talks to nobody yet: the first call does, and makes the tables when they are not there.
std::unique_ptr<MetadataStore> MakeMetadataStore(const Options& options);

}  // namespace granary::metadata
