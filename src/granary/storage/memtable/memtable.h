// Memtable: the hot tier of one source: append-only chunks of up to kChunkRows rows with a visible
// watermark, searched like a segment.
//
// Promise    Append makes its records visible all at once; a View is a snapshot that later appends,
//            seals and drops do not change.
// Shape      a chunk has the columns of one schema version; another version starts a new chunk.
//            Column buffers are preallocated and filled in place; a View shares them without
//            copying, except for the bitmaps of the open chunk (a reader must not share a byte
//            that the writer changes).
// Units      sequences count records; bytes are those in use: buffers double, but what nobody has
//            written to takes no memory yet.
// Threads    one appender at a time; View() and the counters from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/memtable/hot_ends.h"
#include "granary/storage/memtable/hot_index.h"
#include "granary/types/schema.h"

namespace granary::storage {

inline constexpr std::int64_t kChunkRows = 65'536;

/// Rows of one chunk as a reader sees them. Row i has sequence sequences[i] (an int64 array: writes
/// that were refused leave gaps).
struct HotChunk {
  SchemaPtr schema;
  std::shared_ptr<arrow::RecordBatch> batch;  ///< In `schema`'s columns.
  std::shared_ptr<arrow::Int64Array> sequences;
  std::shared_ptr<HotIndex> index;  ///< Of all views of the chunk; null where there is none.
  /// Of all views and slices of the chunk; null: no row is ever replaced.
  std::shared_ptr<HotEnds> ends;
  std::int64_t ends_first = 0;  ///< Where a slice begins in there.
};

/// By so much at most does Memtable::bytes() grow when `batch` is appended.
std::uint64_t GrowthMax(const arrow::RecordBatch& batch);

class Memtable {
 public:
  Memtable();
  ~Memtable();

  /// `batch` is in `schema`'s columns; its records get first_sequence, first_sequence + 1, …
  /// kInternal (out of memory) changes nothing.
  Status Append(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                std::uint64_t first_sequence);

  /// Everything visible now, oldest first. Cheap when nothing was appended since the last call.
  std::vector<HotChunk> View() const;

  std::uint64_t rows() const;
  std::uint64_t bytes() const;
  std::uint64_t last_sequence() const;  ///< 0 when empty.
  bool empty() const { return rows() == 0; }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::storage
