// SegmentWriter: one immutable Parquet file that any reader understands.
//
// Shape      the schema's columns with their ids as Parquet field ids, then `_seq` (int64,
//            DELTA_BINARY_PACKED, field id 2147483540 as Iceberg's _row_id);
//            docs/formats/segment.md. Timestamps in ns are written as µs when every value of the
//            file is whole µs, else as ns. json columns carry the JSON logical type, uuid the UUID
//            type, strings UTF8.
//            Of json columns frequent scalars are taken out into lanes: typed columns behind
//            `_seq`, named like their paths (json/shred_layout.h).
// Promise    after Finish returns OK the file and its directory entry are synced; on any failure,
//            or when dropped, no file is left.
// Threads    one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/json/shred_choice.h"
#include "granary/storage/segment/segment_meta.h"

namespace granary::storage {

enum class Codec : std::uint8_t { kNone, kSnappy, kZstd, kLz4, kGzip, kBrotli };
/// "snappy", "zstd", "lz4", "gzip", "brotli", "none". kInvalidDefinition lists them.
Result<Codec> ParseCodec(std::string_view name);
std::string_view CodecName(Codec codec);

struct Compression {
  Codec codec = Codec::kSnappy;
  /// On the codec's own scale, its default when absent. Columns with a codec of their own use
  /// theirs.
  std::optional<int> level;
  std::map<std::string, Codec> columns;  ///< By column name.
  bool operator==(const Compression&) const = default;
};
/// kInvalidDefinition when the codec has no such level.
Status CheckCompression(const Compression& compression);

struct SegmentWriterOptions {
  Compression compression;
  std::int64_t row_group_rows = 131'072;
  /// Rows of a data page at most: what can be read without the rest of a column.
  std::int64_t page_rows = 20'000;
  /// Which paths in the rest of records become columns of their own, judged by the first row group.
  json::ShredLimits shred;
};

class SegmentWriter {
 public:
  /// Makes `<directory>/<relative_path>`, with its folders.
  static Result<std::unique_ptr<SegmentWriter>> Create(io::FileSystem& files,
                                                       io::Failpoints& failpoints,
                                                       std::string directory,
                                                       std::string relative_path, SchemaPtr schema,
                                                       SegmentWriterOptions options);
  ~SegmentWriter();

  /// `batch` is in the schema's columns; `sequences` has one value a row, none null. After a
  /// failure every later call fails the same way.
  Status Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                const std::shared_ptr<arrow::Int64Array>& sequences);
  /// Fills path, bytes, rows, schema_version, sequences and column statistics.
  Result<SegmentMeta> Finish();

  std::uint64_t bytes_written() const;

 private:
  struct State;
  explicit SegmentWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::storage
