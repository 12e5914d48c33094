#include "granary/storage/segment/segment_source.h"

#include <algorithm>
#include <cstring>

#include <arrow/buffer.h>
#include <fmt/format.h>
#include <parquet/metadata.h>

namespace granary::storage {

arrow::Result<std::shared_ptr<arrow::Buffer>> RangesFile::ReadAt(std::int64_t position,
                                                                 std::int64_t nbytes) {
  auto at = ranges_.upper_bound(position);
  if (at != ranges_.begin()) {
    --at;
    const std::int64_t start = position - at->first;
    if (start <= at->second->size() && nbytes <= at->second->size() - start) {
      return arrow::SliceBuffer(at->second, start, nbytes);
    }
  }
  return arrow::Status::IOError("read of ", nbytes, " bytes at ", position,
                                " leaves the column that was asked for");
}

arrow::Result<std::int64_t> RangesFile::ReadAt(std::int64_t position, std::int64_t nbytes,
                                               void* out) {
  ARROW_ASSIGN_OR_RAISE(const auto buffer, ReadAt(position, nbytes));
  std::memcpy(out, buffer->data(), static_cast<std::size_t>(buffer->size()));
  return buffer->size();
}

arrow::Result<std::int64_t> RangesFile::Read(std::int64_t nbytes, void* out) {
  ARROW_ASSIGN_OR_RAISE(const auto bytes, ReadAt(position_, nbytes, out));
  position_ += bytes;
  return bytes;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> RangesFile::Read(std::int64_t nbytes) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, nbytes));
  position_ += buffer->size();
  return buffer;
}

arrow::Status RangesFile::Seek(std::int64_t position) {
  position_ = position;
  return arrow::Status::OK();
}

arrow::Status RangesFile::Close() {
  closed_ = true;
  return arrow::Status::OK();
}

ByteRange ChunkRange(const parquet::ColumnChunkMetaData& chunk) {
  std::int64_t start = chunk.data_page_offset();
  if (chunk.has_dictionary_page() && chunk.dictionary_page_offset() > 0) {
    start = std::min(start, chunk.dictionary_page_offset());
  }
  return {start, chunk.total_compressed_size()};
}

std::string_view ViewOf(const arrow::Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(buffer.size())};
}

Result<std::shared_ptr<arrow::Buffer>> ReadRange(const io::RandomAccessFile& file,
                                                 std::uint64_t offset, std::uint64_t bytes) {
  if (offset > file.size() || bytes > file.size() - offset) {
    return Status::Corruption(fmt::format("bytes {} to {} are wanted, the file has {}", offset,
                                          offset + bytes, file.size()));
  }
  auto buffer = arrow::AllocateBuffer(static_cast<std::int64_t>(bytes));
  if (!buffer.ok()) return Status(Code::kOverloaded, "out of memory: " + buffer.status().message());
  std::shared_ptr<arrow::Buffer> owned = *std::move(buffer);
  const std::span<char> out(reinterpret_cast<char*>(owned->mutable_data()),
                            static_cast<std::size_t>(bytes));
  GRANARY_ASSIGN(const std::size_t got, file.ReadAt(offset, out));
  if (got != bytes)
    return Status::Corruption(fmt::format("byte {}: the file ends early", offset + got));
  return owned;
}

}  // namespace granary::storage
