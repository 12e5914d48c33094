#include "granary/storage/wal/wal_window.h"

#include <algorithm>
#include <utility>

namespace granary::storage {

WalWindow::WalWindow(std::unique_ptr<io::RandomAccessFile> file)
    : file_(std::move(file)), file_bytes_(file_->size()) {}

Result<std::string_view> WalWindow::At(std::uint64_t offset, std::size_t bytes) {
  if (offset >= file_bytes_) return std::string_view{};
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, file_bytes_ - offset));
  if (offset < start_ || offset + bytes > start_ + held_.size()) {
    const std::uint64_t fetch =
        std::min<std::uint64_t>(std::max(bytes, kStepBytes), file_bytes_ - offset);
    start_ = offset;
    held_.resize(static_cast<std::size_t>(fetch));
    Result<std::size_t> got = file_->ReadAt(offset, held_);
    held_.resize(got.ok() ? *got : 0);
    if (!got.ok()) return got.status();
  }
  return std::string_view(held_).substr(static_cast<std::size_t>(offset - start_), bytes);
}

}  // namespace granary::storage
