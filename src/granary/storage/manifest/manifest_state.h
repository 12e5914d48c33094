// What stands behind a Manifest: the open file, the small tables in memory, and the transaction.
//
// Threads    one at a time: Manifest holds `mutex` around every call.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "granary/io/failpoint.h"
#include "granary/sqlite/sqlite_db.h"
#include "granary/storage/manifest/delete_rows.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/manifest/manifest_rows.h"

namespace granary::storage {

/// What a transaction changes in the small tables. Nothing in a map means that the row goes.
struct ManifestChange {
  RootRow root;
  std::map<std::uint64_t, std::optional<SourceRow>> sources;
  std::map<std::uint64_t, std::optional<DroppedRow>> dropped;
  std::map<std::uint64_t, std::optional<RowDigest>> keys = {};
  std::map<std::uint64_t, std::optional<HistoryRow>> histories = {};
};

/// The root, the source rows and the dropped folders are few and small; they stay in memory, so
/// that a commit writes what it knows and never what it just read.
struct Manifest::State {
  State(SqliteDb database, io::Failpoints& points) : db(std::move(database)), failpoints(points) {}

  mutable std::mutex mutex;
  SqliteDb db;
  io::Failpoints& failpoints;
  Status closed_by;
  RootRow root;
  std::map<std::uint64_t, SourceRow> sources;
  std::map<std::uint64_t, DroppedRow> dropped;
  std::map<std::uint64_t, RowDigest> keys;  // Of each source's idempotency keys.
  std::map<std::uint64_t, HistoryRow> histories;
  std::map<std::string, std::string> secrets;
  std::uint64_t spare_segment = 0;  // Ids from here to root.next_segment are ours to give.

  Status ReadSmallTables();
  Status ReadSchemas(std::map<std::uint64_t, SourceRecord>& records);
  Status ReadSegments(std::map<std::uint64_t, SourceRecord>& records);

  Status ReadKeyTables();
  Status ReadKeys(std::map<std::uint64_t, SourceRecord>& records);
  /// Within a transaction.
  Status ChangeKeys(ManifestChange& change, SourceUid source, const KeyChanges& keys_changed);

  Status ReadHistories();
  Status ReadDeletes(std::map<std::uint64_t, SourceRecord>& records);
  // Within a transaction.
  HistoryRow& HistoryOf(ManifestChange& change, std::uint64_t uid);
  Status ChangeDeletes(ManifestChange& change, SourceUid source, const DeleteChanges& deletes);
  /// What is known of a segment whose row goes.
  Status ForgetDeletes(ManifestChange& change, SourceUid source, const SegmentRow& gone);

  /// Runs `body` in a transaction together with what it puts into the change.
  Status Commit(const std::function<Status(ManifestChange&)>& body);
  Result<SourceRow> Find(SourceUid source) const;

 private:
  Status WriteChange(ManifestChange& change);
  Status WriteKeyCounts(const ManifestChange& change);
  Status WriteHistories(const ManifestChange& change);
  Status Rollback(const Status& cause);
  void Apply(ManifestChange& change);
};

/// Deletes by the one uid that `sql` asks for.
Status DeleteRows(SqliteDb& db, const char* sql, std::uint64_t uid);

}  // namespace granary::storage
