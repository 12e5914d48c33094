// Source: one table of a tenant: writes, snapshots, flush. Composes log, hot tier, segments,
// manifest.
//
// Write      check the schema is current -> commit a schema change -> (under one lock) give
//            sequences and enqueue the frame -> wait for the group's fdatasync -> the lane's
//            callback appends to the hot tier -> OK. So whatever is acknowledged is durable and
//            visible.
// Flush      seal the hot tier -> write its segments -> one manifest commit names them and the
//            sequence that replay starts after -> swap segments in and the sealed rows out, in one
//            step for readers. A failed flush leaves everything readable and is tried again.
// Errors     after a failed log write or fsync the source is read-only until a restart: writes get
//            kUnavailable; reads and flushes go on. After a full disk (kDiskFull) the log is opened
//            anew, and writes are taken again, once there is room.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/source/source_snapshot.h"
#include "granary/types/column_stats.h"

namespace granary::storage {

struct WriteOutcome {
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;  ///< Below first_sequence when there were no records.
  std::uint32_t schema_version = 0;
  bool durable = true;
};

struct SourceStats {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  ///< Of live segments.
  std::uint64_t hot_rows = 0;
  std::uint64_t hot_bytes = 0;
  std::uint64_t segments = 0;
  std::uint64_t partitions = 0;
  std::uint32_t schema_version = 0;
  std::uint64_t wal_bytes = 0;  ///< Of this source's frames that are not flushed yet.
  std::optional<std::int64_t> last_write_us;
  std::map<ColumnId, ColumnStats> columns;  ///< Merged over segments and hot rows.
  std::uint64_t index_bytes = 0;
  std::vector<IndexKey> indexes;  ///< As declared; some segments may not have them yet.
};

/// Records without end that become durable and visible in one step, or never.
///
/// How        they go around the log, into segments at once (memory for one flush's worth); one
///            manifest commit makes all of them live, with the schema versions that they brought.
///            Their sequences are given then, so that nothing ever appears below what was visible;
///            the files count from 0, and readers add what the manifest says.
/// Promise    a bulk that is dropped, or cut off by a crash, leaves no record and no file.
/// Threads    one.
class BulkWrite {
 public:
  virtual ~BulkWrite() = default;
  /// The schema to fit the next batch to.
  virtual SchemaPtr schema() const = 0;
  /// `schema` is schema() or a successor that a parser made of it. After a failure only dropping
  /// the bulk makes sense.
  virtual Status Append(const SchemaPtr& schema,
                        const std::shared_ptr<arrow::RecordBatch>& batch) = 0;
  /// Once. kConflict when both this bulk and another write changed the schema meanwhile, or a
  /// column became a float64 that does not hold the bulk's integers: send it again.
  virtual Result<WriteOutcome> Commit() = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  virtual const SourceDefinition& definition() const = 0;
  virtual SourceUid uid() const = 0;
  virtual std::string folder() const = 0;
  virtual SchemaPtr schema() const = 0;
  virtual std::vector<SchemaPtr> schema_history() const = 0;
  virtual std::int64_t created_us() const = 0;

  /// Appends `batch`, whose columns are `schema`'s: the current schema or a successor that the
  /// parser made of it. kConflict, changing nothing, when another write evolved the schema
  /// meanwhile: parse again against schema() and retry. `sequences` are given only to accepted
  /// batches.
  virtual Result<WriteOutcome> Write(const SchemaPtr& schema,
                                     std::shared_ptr<arrow::RecordBatch> batch) = 0;

  /// For more records than one write takes.
  virtual Result<std::unique_ptr<BulkWrite>> StartBulk() = 0;

  virtual SourceSnapshot Snapshot() const = 0;
  /// Returns once every record that was visible at the call is in committed segments.
  virtual Status Flush() = 0;
  virtual SourceStats Stats() const = 0;
};

}  // namespace granary::storage
