// Manifest: the only commit point of a tenant's data. What it says is there, is there; a file that
// it does not name is garbage.
//
// Shape      SQLite, WAL mode, synchronous=FULL; tables in docs/formats/manifest.md. Every row
//            carries a CRC-32C over its content, since SQLite does not notice a flipped byte.
// Promise    each Commit*/Add*/Drop* is one transaction: after OK it survives a power cut, after a
//            failure (or a crash) nothing of it is there, with one exception: when the commit
//            itself failed to sync, nobody knows. Then closed_by() says why, every later commit
//            fails with the same error, and files that the transaction named must stay until the
//            next start has looked.
// Errors     kDiskFull, kIoError, kCorruption (naming table and row), kConflict for a file of a
//            newer format or one that another process holds.
// Threads    fully safe; commits are serialised.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/storage/manifest/key_record.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/storage/segment/deletions.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/types/schema.h"

namespace granary::storage {

struct SchemaVersion {
  SchemaPtr schema;
  std::int64_t made_us = 0;  ///< When it was committed.
};

/// Everything the manifest knows of one source.
struct SourceRecord {
  SourceUid uid;
  SourceDefinition definition;
  /// Resolved from data_path when the source was added: absolute, or relative to the data folder
  /// when it lies in there, so that the whole can be moved.
  std::string folder;
  std::uint32_t wal_lane = 0;  ///< For life: all frames of a source are in one lane, in order.
  std::vector<SchemaVersion> schemas;  ///< All versions, oldest first; never empty.
  std::vector<SegmentMeta> segments;   ///< Live ones, by id.
  std::vector<SegmentMeta> retired;    ///< Replaced, and still there for older snapshots; by id.
  std::vector<KeyRecord> keys;         ///< Saved idempotency keys, oldest first.
  /// Of segments that have deleted rows.
  std::unordered_map<SegmentId, DeletionsPtr> deletions;
  std::uint64_t delete_sequence = 0;       ///< The last moment at which rows were deleted.
  std::uint64_t forgotten_generation = 0;  ///< Files of before this compaction may be gone.
  std::uint64_t forgotten_sequence = 0;    ///< Moments of before cannot be told apart any more.
  /// Every record up to here is in `segments` (or was refused); replay starts after it.
  std::uint64_t flushed_sequence = 0;
  std::int64_t created_us = 0;
  std::optional<std::int64_t> last_write_us;  ///< As of the last flush.
};

/// A dropped source whose files were to go with it, and may not all be gone yet.
struct DroppedFolder {
  SourceUid uid;
  std::string id;
  std::string folder;  ///< As in SourceRecord.
};

/// What happens to the files of a source that is dropped.
enum class DropFiles : std::uint8_t { kRemove, kKeep };

/// Idempotency keys that come and go in one commit; those that go are as they were saved.
struct KeyChanges {
  std::vector<KeyRecord> added;
  std::vector<KeyRecord> forgotten;

  bool empty() const { return added.empty() && forgotten.empty(); }
};

/// What is deleted of a segment, before and after a commit.
struct SegmentDeletes {
  SegmentId segment;
  DeletionsPtr before;
  DeletionsPtr after;
};
struct DeleteChanges {
  std::vector<SegmentDeletes> segments;
  std::uint64_t last_sequence = 0;       ///< Of the moments; 0: none.
  std::uint64_t forgotten_sequence = 0;  ///< Moments of before were folded.

  bool empty() const { return segments.empty() && last_sequence == 0; }
};

inline constexpr std::size_t kSecretBytes = 32;

struct FlushCommit {
  SourceUid source;
  std::vector<SegmentMeta> added;
  std::uint64_t flushed_sequence = 0;
  std::int64_t last_write_us = 0;
  KeyChanges keys = {};  ///< Of the frames that the flush lets go of.
  DeleteChanges deletes = {};
};

struct DeletesCommit {
  SourceUid source;
  DeleteChanges deletes;
  /// When nothing below their moment is in the log alone: replay starts after it.
  std::optional<std::uint64_t> flushed_sequence;
  KeyChanges keys = {};
};

struct BulkCommit {
  SourceUid source;
  std::vector<SchemaVersion> schemas;  ///< New versions, oldest first.
  std::vector<SegmentMeta> added;
  /// When nothing below the bulk is in the log alone: replay starts after the bulk.
  std::optional<std::uint64_t> flushed_sequence;
  std::int64_t last_write_us = 0;
  KeyChanges keys = {};
  DeleteChanges deletes = {};
};

struct CompactionCommit {
  SourceUid source;
  std::vector<SegmentMeta> added;   ///< Each with its generation.
  std::vector<SegmentId> replaced;  ///< Live until now; they are retired.
  std::uint64_t generation = 0;
  std::int64_t retired_us = 0;
  DeleteChanges deletes = {};  ///< Rows of the added that were deleted while they were made.
};

class Manifest {
 public:
  /// Opens or creates the file at `path`. The folder is there, and no part of the path is a link.
  static Result<std::unique_ptr<Manifest>> Open(const std::string& path,
                                                io::Failpoints& failpoints);
  ~Manifest();

  /// All sources, by id.
  Result<std::vector<SourceRecord>> Load();

  /// Gives the source its uid. kSourceConflict when the id is there.
  Result<SourceUid> AddSource(const SourceDefinition& definition, const std::string& folder,
                              const Schema& schema, std::int64_t created_us,
                              std::uint32_t wal_lane = 0);
  /// With kRemove the folder is remembered in dropped() until ForgetDropped says that it was
  /// cleaned.
  Status DropSource(SourceUid source, DropFiles files);
  std::vector<DroppedFolder> dropped() const;
  Status ForgetDropped(SourceUid source);
  /// A new schema, a new definition or both, in one transaction; null for what stays.
  Status CommitSource(SourceUid source, const SchemaVersion* schema,
                      const SourceDefinition* definition);
  Status CommitFlush(const FlushCommit& flush);
  Status CommitDeletes(const DeletesCommit& deletes);
  /// kNotFound, changing nothing, when one of the replaced is not live.
  Status CommitCompaction(const CompactionCommit& compaction);
  /// Retired segments that nobody reads any more; their files may go once this returned OK.
  /// kNotFound, changing nothing, when one of them is not there or is live.
  Status ForgetRetired(SourceUid source, const std::vector<SegmentId>& segments);
  /// From here on these are the segment's index files.
  Status CommitIndexes(SourceUid source, SegmentId segment, std::vector<IndexMeta> indexes);
  /// For keys that no frame carries: of writes without records.
  Status CommitKeys(SourceUid source, const KeyChanges& keys);

  /// kSecretBytes random bytes, made when first asked for and the same ever after.
  Result<std::string> Secret(const std::string& name, io::Random& random);
  /// Segments that did not come through the log.
  Status CommitBulk(const BulkCommit& bulk);

  /// `count` ids that were never given before and never will be again, also across a crash.
  Result<SegmentId> AllocateSegmentIds(std::uint32_t count);

  /// True for the uid of any source that was ever added here, also of one that is gone.
  bool Issued(SourceUid source) const;

  /// OK while commits are possible.
  Status closed_by() const;
  /// Counts commits since the file was made.
  std::uint64_t version() const;
  Status Close();

 private:
  struct State;
  explicit Manifest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Prints sources, schemas and segments for people, as far as the file can be read; read-only.
Status DumpManifest(const std::string& path, std::string& out);

}  // namespace granary::storage
