// TableFile: an Arrow or Parquet file as record batches in the shapes that our types have in memory
// (formats/plain_array.h).
//
// Memory     one batch of the file at a time.
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/manifest/source_definition.h"

namespace granary::cli {

class TableFile {
 public:
  /// An IPC stream, or the file form, by how it begins.
  static Result<std::unique_ptr<TableFile>> OpenArrow(const std::string& path);
  static Result<std::unique_ptr<TableFile>> OpenParquet(const std::string& path);
  ~TableFile();

  const std::vector<storage::DeclaredColumn>& columns() const { return columns_; }
  /// The next rows, in a batch of at least one; null at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> Next();

  std::uint64_t bytes_total() const { return bytes_total_; }
  /// Before and behind the batch that Next gave last.
  std::uint64_t batch_begin() const { return batch_begin_; }
  std::uint64_t batch_end() const { return batch_end_; }

 private:
  /// Bytes of the file behind the batches that a reader has given, what it read ahead left out.
  using PositionFn = std::function<std::uint64_t()>;
  TableFile(std::string path, std::uint64_t bytes_total,
            std::shared_ptr<arrow::RecordBatchReader> reader, PositionFn position);
  Status Prepare();
  static Result<std::unique_ptr<TableFile>> Make(const std::string& path, std::uint64_t bytes_total,
                                                 std::shared_ptr<arrow::RecordBatchReader> reader,
                                                 PositionFn position);

  std::string path_;
  std::shared_ptr<arrow::RecordBatchReader> reader_;
  PositionFn position_;
  std::vector<storage::DeclaredColumn> columns_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t batch_begin_ = 0;
  std::uint64_t batch_end_ = 0;
};

}  // namespace granary::cli
