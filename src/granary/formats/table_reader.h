// TableReader: a body of records, of any length, a chunk at a time: NDJSON, CSV, an Arrow stream, a
// Parquet file.
//
// Use        Next gives chunks as they come; a chunk is fitted to a schema by Parse, which may be
//            called again with a newer one. The reader outlives its chunks and what they parsed to.
// Types      docs/formats/bodies.md. Text is read as JSON values are; CSV cells by the type of
//            their column (empty: null; "": an empty text), columns that are not there yet by what
//            their first chunk holds. Arrow's and Parquet's columns are taken where every value is
//            exact in the column's type; what cannot be is refused by name.
// Memory     one chunk, and what Arrow needs to decode it, at most decode_bytes_max and what
//            decode_room grants.
// Errors     kInvalidJson, kInvalidRecord, kInvalidRequest with pointers that count records of the
//            whole body from 0 (/3/amount) and, for text, the line in the detail; kTooLarge for a
//            line or a batch that no chunk holds, and for more records than the bytes may stand
//            for; the failures of the source.
// Threads    one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "granary/base/status.h"
#include "granary/formats/table_format.h"
#include "granary/io/file_system.h"
#include "granary/json/record_parser.h"
#include "granary/types/schema.h"

namespace granary::formats {

/// Waits for some bytes: how many there are in `out`; 0 at the end.
using ByteSource = std::function<Result<std::size_t>(std::span<char> out)>;

/// So many may come of a body of any size.
inline constexpr std::uint64_t kRecordsFree = 1 << 20;

class DecodeRoom;  // decode_memory.h

struct ReadLimits {
  std::size_t chunk_rows = 64 << 10;
  std::size_t chunk_bytes = 16 << 20;         ///< Of text, but for the line that it ends with.
  std::size_t line_bytes_max = 0;             ///< The longest one; 0: chunk_bytes.
  std::int64_t decode_bytes_max = 256 << 20;  ///< That Arrow may hold at once.
  /// Asked for what it holds; null: there is only the limit.
  std::shared_ptr<DecodeRoom> decode_room = {};
  /// Of a table whose columns say in a few bytes that they hold the same value, or none, often;
  /// past kRecordsFree.
  std::uint64_t records_per_byte_max = 500;
  std::size_t columns_max = 1'000;
  std::size_t depth_max = 64;
  std::size_t columns_known = 0;  ///< Of the source: a record that lacks them has their nulls.
  bool cuts_cells = true;         ///< Chunks have cells_max() at most; false for who looks at one.

  /// Values of a chunk, missing ones too: eight bytes each are twice chunk_bytes.
  std::uint64_t cells_max() const { return std::max<std::uint64_t>(chunk_bytes / 4, 64u << 10); }
  /// Rows that a chunk of so many columns has at most.
  std::size_t rows_max(std::size_t columns) const {
    if (!cuts_cells) return chunk_rows;
    const std::uint64_t wide = std::max<std::uint64_t>({columns, columns_known, 1});
    return std::clamp<std::uint64_t>(cells_max() / wide, 1, std::max<std::uint64_t>(chunk_rows, 1));
  }
};

class TableChunk {
 public:
  virtual ~TableChunk() = default;
  /// Records, the wrong ones too.
  virtual std::uint64_t rows() const = 0;
  /// With `rejected`, wrong records are left out and added there by their place in the body.
  virtual Result<json::ParsedRecords> Parse(const SchemaPtr& schema, json::SchemaMode mode,
                                            json::RejectedRecords* rejected) = 0;
};

class TableReader {
 public:
  virtual ~TableReader() = default;
  /// Null at the end.
  virtual Result<std::unique_ptr<TableChunk>> Next() = 0;
  /// Of a body without records, behind its end: kInvalidRecord for a column that it names all the
  /// same and a strict source lacks.
  virtual Status CheckColumns(const Schema& /*schema*/) const { return Status::Ok(); }
};

/// For kNdjson, kCsv and kArrow.
Result<std::unique_ptr<TableReader>> MakeTableReader(TableFormat format, ByteSource source,
                                                     const ReadLimits& limits);

/// kParquet, whose end says where everything is. `file` outlives the reader.
Result<std::unique_ptr<TableReader>> MakeParquetReader(
    std::shared_ptr<const io::RandomAccessFile> file, const ReadLimits& limits);

}  // namespace granary::formats
