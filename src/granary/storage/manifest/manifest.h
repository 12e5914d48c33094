// Manifest: the only commit point of a tenant's data. What it says is there, is there; a file that it
// does not name is garbage.
//
// Shape      SQLite, WAL mode, synchronous=FULL; tables in docs/formats/manifest.md. Every row carries a
//            CRC-32C over its content, since SQLite does not notice a flipped byte.
// Promise    each Commit*/Add*/Drop* is one transaction: after OK it survives a power cut, after a
//            failure (or a crash) nothing of it is there.
// Errors     kDiskFull, kIoError, kCorruption (naming table and row), kConflict for a file of a newer format.
// Threads    fully safe; commits are serialised.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/io/failpoint.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/types/schema.h"

namespace granary::storage {

/// Everything the manifest knows of one source.
struct SourceRecord {
  SourceUid uid;
  SourceDefinition definition;
  std::string folder;                    ///< Absolute, resolved from data_path when the source was added.
  std::vector<SchemaPtr> schemas;        ///< All versions, oldest first; never empty.
  std::vector<SegmentMeta> segments;     ///< Live ones, by id.
  /// Every record up to here is in `segments` (or was refused); replay starts after it.
  std::uint64_t flushed_sequence = 0;
  std::int64_t created_us = 0;
  std::optional<std::int64_t> last_write_us;   ///< As of the last flush.
};

struct FlushCommit {
  SourceUid source;
  std::vector<SegmentMeta> added;
  std::uint64_t flushed_sequence = 0;
  std::int64_t last_write_us = 0;
};

class Manifest {
 public:
  /// Opens or creates the file at `path`. The folder is there.
  static Result<std::unique_ptr<Manifest>> Open(const std::string& path, io::Failpoints& failpoints);
  ~Manifest();

  /// All sources, by id.
  Result<std::vector<SourceRecord>> Load();

  /// Gives the source its uid. kSourceConflict when the id is there.
  Result<SourceUid> AddSource(const SourceDefinition& definition, const std::string& folder,
                              const Schema& schema, std::int64_t created_us);
  Status DropSource(SourceUid source);
  Status CommitSchema(SourceUid source, const Schema& schema);
  Status CommitFlush(const FlushCommit& flush);

  /// `count` ids that were never given before and never will be again, also across a crash.
  Result<SegmentId> AllocateSegmentIds(std::uint32_t count);

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
