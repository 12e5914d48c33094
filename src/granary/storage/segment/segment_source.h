// Random-access files for Arrow over io: a whole file, and chosen ranges of one that were read and
// verified before.
//
// Threads    as Arrow's: ReadAt from many.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include "granary/io/file_system.h"

namespace parquet {
class ColumnChunkMetaData;
}

namespace granary::storage {

/// Serves reads that lie within ranges added before; any other read fails.
class RangesFile final : public arrow::io::RandomAccessFile {
 public:
  explicit RangesFile(std::int64_t file_bytes) : file_bytes_(file_bytes) {
    set_mode(arrow::io::FileMode::READ);
  }

  void Add(std::int64_t offset, std::shared_ptr<arrow::Buffer> bytes) {
    ranges_[offset] = std::move(bytes);
  }
  void Clear() { ranges_.clear(); }

  arrow::Result<std::int64_t> GetSize() override { return file_bytes_; }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(std::int64_t position,
                                                       std::int64_t nbytes) override;
  arrow::Result<std::int64_t> ReadAt(std::int64_t position, std::int64_t nbytes,
                                     void* out) override;
  arrow::Result<std::int64_t> Read(std::int64_t nbytes, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(std::int64_t nbytes) override;
  arrow::Status Seek(std::int64_t position) override;
  arrow::Result<std::int64_t> Tell() const override { return position_; }
  arrow::Status Close() override;
  bool closed() const override { return closed_; }

 private:
  std::int64_t file_bytes_;
  std::int64_t position_ = 0;
  bool closed_ = false;
  std::map<std::int64_t, std::shared_ptr<arrow::Buffer>> ranges_;
};

/// Where a column chunk lies in its file, dictionary page included.
struct ByteRange {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
};
ByteRange ChunkRange(const parquet::ColumnChunkMetaData& chunk);

std::string_view ViewOf(const arrow::Buffer& buffer);

/// Reads exactly `bytes` at `offset`; kCorruption when the file ends before.
Result<std::shared_ptr<arrow::Buffer>> ReadRange(const io::RandomAccessFile& file,
                                                 std::uint64_t offset, std::uint64_t bytes);

}  // namespace granary::storage
