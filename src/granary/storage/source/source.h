// Source: one table of a tenant: writes, snapshots, flush. Composes log, hot tier, segments,
// manifest.
//
// Write      check the schema is current -> commit a schema change -> (under one lock) give
//            sequences and enqueue the frame -> wait for the group's fdatasync -> the lane's
//            callback appends to the hot tier -> OK. So whatever is acknowledged is durable and
//            visible.
// Interval   a source with Durability::kInterval waits for the write of the frame alone: what is
//            acknowledged outlives the process. The log is synced a little later, so a power cut
//            takes at most the newest writes of the last interval. A change, a bulk and a clean
//            stop sync it first; a flush needs no log.
// Flush      seal the hot tier -> write its segments -> one manifest commit names them and the
//            sequence that replay starts after -> swap segments in and the sealed rows out, in one
//            step for readers. A failed flush leaves everything readable and is tried again.
// Change     under the same lock as writes: wait for the frames that are on their way -> check ->
//            one manifest commit of schema and definition. Frames and segments name their schema
//            version, so what was written before is read by the columns' ids.
// Errors     after a failed log write or fsync the source is read-only until a restart: writes get
//            kUnavailable; reads and flushes go on. After a full disk (kDiskFull) the log is opened
//            anew, and writes are taken again, once there is room.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/manifest/source_change.h"
#include "granary/storage/source/compaction_policy.h"
#include "granary/storage/source/source_snapshot.h"
#include "granary/storage/source/write_key.h"
#include "granary/types/column_stats.h"

namespace granary::storage {

struct WriteOutcome {
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;  ///< Below first_sequence when there were no records.
  std::uint32_t schema_version = 0;
  bool durable = true;  ///< False: a power cut may take it before the next flush or sync.
};

struct SourceStats {
  std::uint64_t rows = 0;
  std::uint64_t deleted_rows = 0;  ///< That still lie in live segments.
  std::uint64_t bytes = 0;         ///< Of live segments.
  std::uint64_t hot_rows = 0;
  std::uint64_t hot_bytes = 0;
  std::uint64_t segments = 0;
  std::uint64_t partitions = 0;
  SchemaPtr schema;             ///< That `columns` are of.
  std::uint64_t wal_bytes = 0;  ///< Of this source's frames that are not flushed yet.
  std::optional<std::int64_t> last_write_us;
  std::optional<std::int64_t> last_compaction_us;  ///< That still has files.
  std::map<ColumnId, ColumnStats> columns;         ///< Merged over segments and hot rows.
  std::uint64_t index_bytes = 0;
  std::vector<IndexKey> indexes;  ///< As declared; some segments may not have them yet.
};

/// What a delete found in one snapshot.
struct MatchedRows {
  std::unordered_map<SegmentId, RowSet> segments;
  std::uint64_t hot = 0;
};
/// The rows of a snapshot that are to be deleted. Called more than once when files are flushed or
/// merged meanwhile.
using FindRows = std::function<Result<MatchedRows>(const SourceSnapshot& snapshot)>;

struct DeleteOutcome {
  std::uint64_t deleted = 0;
  std::uint64_t sequence = 0;  ///< The moment: snapshots from here on lack the rows. 0: no row.
};

using DefinitionPtr = std::shared_ptr<const SourceDefinition>;

/// Schema and definition of one moment.
struct SourceShape {
  SchemaPtr schema;
  DefinitionPtr definition;
};

/// What is told of a source without a look at its hot rows.
struct SourceMoment {
  SourceShape shape;
  /// Live ones. The same object for as long as no file comes, goes or changes.
  std::shared_ptr<const std::vector<std::shared_ptr<const Segment>>> files;
  std::uint64_t flushed_sequence = 0;
  std::uint64_t visible_sequence = 0;
  std::optional<std::int64_t> last_write_us;
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
  /// Once. With a turn the outcome is remembered under its key, by the same commit; what a replay
  /// brought back for the key meanwhile is answered instead, and nothing is written. kConflict
  /// when the schema was changed by others and this bulk brings a change too, or its values are not
  /// exact in the types that columns have by now: send it again. kInvalidRecord when its own change
  /// does not hold its values or the stored ones (CheckWidenings). kUnavailable and kDiskFull while
  /// the log is closed, since what it holds may be older than the bulk.
  virtual Result<WriteOutcome> Commit(const KeyTurn* turn = nullptr) = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  virtual SourceShape shape() const = 0;
  DefinitionPtr definition() const { return shape().definition; }
  SchemaPtr schema() const { return shape().schema; }
  virtual SourceMoment moment() const = 0;
  virtual const PartitionSpec& partitions() const = 0;
  virtual CompactionDebt debt_owed() const = 0;  ///< As of the last look of the background.
  virtual SourceUid uid() const = 0;
  virtual std::string folder() const = 0;
  virtual std::vector<SchemaVersion> schema_history() const = 0;  ///< Oldest first.
  virtual std::int64_t created_us() const = 0;

  /// Appends `batch`, whose columns are `schema`'s: the current schema or a successor that the
  /// parser made of it. kConflict, changing nothing, when the schema changed meanwhile (or the
  /// schema mode, and the batch would evolve it): parse again against shape() and retry.
  /// CheckWidenings' error when the successor does not hold what is stored. `sequences` are given
  /// only to accepted batches. With a turn (TakeKey) the outcome is remembered under its key, as
  /// durable as the records. Waits while the hot tiers are full; then kOverloaded (kTooLarge, at
  /// once, for what never fits), and `cancel`'s errors. Slower while too many files wait to be
  /// merged, and kOverloaded, at once, where still more do (write_throttle.h).
  virtual Result<WriteOutcome> Write(const SchemaPtr& schema,
                                     std::shared_ptr<arrow::RecordBatch> batch,
                                     const KeyTurn* turn = nullptr,
                                     const runtime::CancelToken& cancel = {}) = 0;

  /// Deletes what `find` finds in the snapshot of now, in one step: durable and visible when it
  /// returns. Records that are written later stay, whatever they hold. When anything is found, all
  /// that is hot is flushed first. With a turn the outcome is remembered under its key. `find`'s
  /// errors; a flush's; kUnavailable and kDiskFull while the log is closed; `cancel`'s until it is
  /// committed.
  virtual Result<DeleteOutcome> Delete(const FindRows& find, const KeyTurn* turn = nullptr,
                                       const runtime::CancelToken& cancel = {}) = 0;

  /// Before a write with an idempotency key: its turn, or what the first write with it answered.
  /// Waits while another write with the key is on its way. kIdempotencyKeyReused; kCancelled and
  /// kDeadlineExceeded by `cancel`. The turn must end before the source does.
  virtual Result<KeyTurn> TakeKey(const WriteKey& key, const runtime::CancelToken& cancel) = 0;

  /// All of the change or nothing; durable when it returns. ApplyChange's errors, and
  /// kInvalidDefinition at /widen_columns/<name> where a stored value has no equal in the wider
  /// type.
  virtual Result<SourceShape> Change(const SourceChange& change) = 0;

  /// For more records than one write takes. `cancel` ends its waits for memory.
  virtual Result<std::unique_ptr<BulkWrite>> StartBulk(const runtime::CancelToken& cancel = {}) = 0;

  virtual SourceSnapshot Snapshot() const = 0;
  /// The same records in the segments that were there after so many compactions, as Rewind wants
  /// it; kCursorExpired when some of them are gone.
  virtual Result<SourceSnapshot> SnapshotOf(std::uint64_t generation) const = 0;
  /// Returns once every record that was visible at the call is in committed segments.
  virtual Status Flush() = 0;
  virtual SourceStats Stats() const = 0;
};

}  // namespace granary::storage
