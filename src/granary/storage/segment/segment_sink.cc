#include "granary/storage/segment/segment_sink.h"

#include <utility>

#include <arrow/status.h>

#include "granary/base/crc32c.h"

namespace granary::storage {
namespace {

constexpr std::size_t kBufferBytes = 1u << 20;

}  // namespace

SegmentSink::SegmentSink(std::unique_ptr<io::WritableFile> file) : file_(std::move(file)) {
  set_mode(arrow::io::FileMode::WRITE);
}

arrow::Status SegmentSink::Write(const void* data, std::int64_t nbytes) {
  const std::string_view bytes(static_cast<const char*>(data), static_cast<std::size_t>(nbytes));
  checksum_ = Crc32c(bytes, checksum_);
  checksum_bytes_ += bytes.size();
  if (is_header_)
    pages_.push_back(Crc32c(bytes));
  else
    pages_.back() = Crc32c(bytes, pages_.back());
  is_header_ = !is_header_;
  buffer_.append(bytes);
  position_ += bytes.size();
  return buffer_.size() < kBufferBytes ? arrow::Status::OK() : Flush();
}

arrow::Status SegmentSink::Flush() {
  if (failure_.ok()) failure_ = WriteBuffered();
  return failure_.ok() ? arrow::Status::OK() : arrow::Status::IOError(failure_.ToString());
}

arrow::Status SegmentSink::Close() {
  closed_ = true;
  return Flush();
}

std::pair<std::uint32_t, std::uint64_t> SegmentSink::TakeChecksum() {
  return {std::exchange(checksum_, 0), std::exchange(checksum_bytes_, 0)};
}

std::vector<std::uint32_t> SegmentSink::TakePageChecksums() {
  is_header_ = true;
  return std::exchange(pages_, {});
}

Status SegmentSink::WriteBuffered() {
  if (buffer_.empty()) return Status::Ok();
  GRANARY_TRY(file_->WriteAt(position_ - buffer_.size(), buffer_));
  buffer_.clear();
  return Status::Ok();
}

Status SegmentSink::SyncFile() {
  GRANARY_TRY(failure_);
  GRANARY_TRY(WriteBuffered());
  return file_->Sync();
}

Status SegmentSink::CloseFile() {
  GRANARY_TRY(failure_);
  GRANARY_TRY(WriteBuffered());
  return file_->Close();
}

}  // namespace granary::storage
