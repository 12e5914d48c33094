// WalWindow: a stretch of a log file in memory, moved along as the reader asks.
//
// Errors     kIoError when the disk refuses. A short file is not an error: At() then gives fewer
//            bytes.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::storage {

class WalWindow {
 public:
  /// What one read fetches at least; also what a scan may ask for at a time.
  static constexpr std::size_t kStepBytes = 1u << 20;

  explicit WalWindow(std::unique_ptr<io::RandomAccessFile> file);

  /// `bytes` bytes at `offset`, or as many as the file has there. Valid until the next call.
  Result<std::string_view> At(std::uint64_t offset, std::size_t bytes);
  std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  std::unique_ptr<io::RandomAccessFile> file_;
  std::uint64_t file_bytes_;
  std::uint64_t start_ = 0;
  std::string held_;
};

}  // namespace granary::storage
