// SegmentSink: Arrow's output stream over an io::WritableFile, with running checksums.
//
// Threads    one.
// Owns       its file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "granary/io/file_system.h"

namespace granary::storage {

class SegmentSink final : public arrow::io::OutputStream {
 public:
  explicit SegmentSink(std::unique_ptr<io::WritableFile> file);

  arrow::Status Write(const void* data, std::int64_t nbytes) override;
  arrow::Status Flush() override;
  /// Arrow closes the stream with its writer; the file stays open for Sync.
  arrow::Status Close() override;
  arrow::Result<std::int64_t> Tell() const override { return static_cast<std::int64_t>(position_); }
  bool closed() const override { return closed_; }
  using arrow::io::OutputStream::Write;

  std::uint64_t position() const { return position_; }
  /// CRC-32C and count of the bytes since the last call.
  std::pair<std::uint32_t, std::uint64_t> TakeChecksum();
  /// CRC-32C of each two writes together since the last call: Parquet's writer hands a page over as
  /// its header and its body.
  std::vector<std::uint32_t> TakePageChecksums();
  /// Writes what is buffered and syncs the file.
  Status SyncFile();
  /// Writes what is buffered and closes the file.
  Status CloseFile();
  /// Our own failure behind an Arrow status, so that a full disk stays a full disk.
  const Status& failure() const { return failure_; }

 private:
  Status WriteBuffered();

  std::unique_ptr<io::WritableFile> file_;
  std::string buffer_;
  std::uint64_t position_ = 0;  // Of the stream; the file is buffer_.size() behind.
  std::uint32_t checksum_ = 0;
  std::uint64_t checksum_bytes_ = 0;
  std::vector<std::uint32_t> pages_;
  bool is_header_ = true;  // The next write.
  bool closed_ = false;
  Status failure_;
};

}  // namespace granary::storage
