// IndexFileWriter: makes an index file: blocks, then the footer.
//
// Promise    the file has its name only once it is whole and synced; after a failure, or when
//            dropped, nothing of it is left but what a crash leaves under ".tmp".
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/index/index_format.h"

namespace granary::storage {

class IndexFileWriter {
 public:
  static Result<std::unique_ptr<IndexFileWriter>> Create(io::FileSystem& files, std::string path);
  ~IndexFileWriter();

  std::uint64_t position() const { return position_; }
  /// A sealed block.
  Status Append(std::string_view block);
  /// Adds the footer, syncs, and gives the file its name (in place of an older one).
  Status Finish(IndexFooterLayout footer);
  std::uint32_t footer_crc() const { return footer_crc_; }

 private:
  IndexFileWriter(io::FileSystem& files, std::string path, std::unique_ptr<io::WritableFile> file);
  std::string AsidePath() const { return path_ + ".tmp"; }
  Status WriteBuffered();

  io::FileSystem& files_;
  const std::string path_;
  std::unique_ptr<io::WritableFile> file_;
  std::string buffer_;
  std::uint64_t position_ = 0;  // The file is buffer_.size() behind.
  std::uint32_t footer_crc_ = 0;
};

}  // namespace granary::storage
