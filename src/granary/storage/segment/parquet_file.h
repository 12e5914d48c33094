// ParquetFile: one Parquet file being written, row group by row group, in a fixed file schema. What
// columns look like, and when rows make a row group, is SegmentWriter's.
//
// Promise    when dropped before Keep, no file is left.
// Errors     of the file system as they are (kDiskFull stays kDiskFull); of Parquet as kInternal.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/segment/segment_sink.h"
#include "granary/storage/segment/segment_writer.h"

namespace parquet::arrow {
class FileWriter;
}

namespace granary::storage {

class ParquetFile {
 public:
  /// Creates the file, empty. kConflict when it is there.
  static Result<std::unique_ptr<ParquetFile>> Create(io::FileSystem& files, std::string path);
  ~ParquetFile();

  /// A column behind those of the schema, and the one of them whose codec it takes.
  struct Lane {
    std::shared_ptr<arrow::Field> field;
    std::string owner;
    bool plain = false;  ///< No dictionary.
  };
  /// Begins it. `file_schema` is FileSchema's of `schema`, the lanes come behind it; columns in
  /// `plain`, by position, get no dictionary.
  Status Start(const std::shared_ptr<arrow::Schema>& file_schema, const Schema& schema,
               const std::vector<bool>& plain, const SegmentWriterOptions& options,
               const std::vector<Lane>& lanes = {});
  bool started() const { return writer_ != nullptr; }

  /// One row group: the first `rows` rows of each column of the file schema.
  Status WriteRowGroup(const std::vector<std::shared_ptr<arrow::ChunkedArray>>& columns,
                       std::int64_t rows);
  /// A pair of the file's metadata; before the footer.
  Status AddMetadata(std::string_view key, std::string value);
  /// Writes page index and footer; fills bytes, footer_bytes and footer_crc of `meta`.
  Status WriteFooter(SegmentMeta& meta);
  /// Syncs and closes the file, and syncs its directory entry.
  Status Sync();
  /// Closes the file without syncing it.
  Status Close();
  void Keep() { kept_ = true; }

  const std::string& path() const { return path_; }
  const arrow::Schema& file_schema() const { return *file_schema_; }
  std::uint64_t bytes_written() const { return sink_->position(); }

 private:
  ParquetFile(io::FileSystem& files, std::string path, std::shared_ptr<SegmentSink> sink);
  Status Failed(const arrow::Status& status) const;

  io::FileSystem& files_;
  std::string path_;
  std::shared_ptr<SegmentSink> sink_;
  std::shared_ptr<arrow::Schema> file_schema_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  std::vector<std::uint32_t> checksums_;  ///< Of each column chunk so far.
  std::vector<std::vector<std::uint32_t>> page_checksums_;
  bool kept_ = false;
};

}  // namespace granary::storage
