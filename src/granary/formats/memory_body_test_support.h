// Bodies in memory, for tests and fuzz targets.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "granary/formats/table_reader.h"
#include "granary/io/file_system.h"

namespace granary::formats {

/// Hands out at most `step` bytes at a time.
inline ByteSource BytesOf(std::string text, std::size_t step = 1 << 20) {
  auto at = std::make_shared<std::size_t>(0);
  return [text = std::move(text), at, step](std::span<char> out) -> Result<std::size_t> {
    const std::size_t bytes = std::min({out.size(), text.size() - *at, step});
    std::copy_n(text.data() + *at, bytes, out.data());
    *at += bytes;
    return bytes;
  };
}

class TextFile final : public io::RandomAccessFile {
 public:
  explicit TextFile(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) const override {
    if (offset >= text_.size()) return std::size_t{0};
    const std::size_t bytes = std::min<std::size_t>(out.size(), text_.size() - offset);
    std::copy_n(text_.data() + offset, bytes, out.data());
    return bytes;
  }
  std::uint64_t size() const override { return text_.size(); }

 private:
  const std::string text_;
};

inline Result<std::unique_ptr<TableReader>> ReaderOf(TableFormat format, std::string body,
                                                     const ReadLimits& limits = {},
                                                     std::size_t step = 1 << 20) {
  if (format == TableFormat::kParquet)
    return MakeParquetReader(std::make_shared<TextFile>(std::move(body)), limits);
  return MakeTableReader(format, BytesOf(std::move(body), step), limits);
}

}  // namespace granary::formats
