#include "granary/storage/wal/wal_writer.h"

#include <utility>

namespace granary::storage {
namespace {

/// A group buffer that a large group has grown is given back.
constexpr std::size_t kGroupBufferKeptBytes = 4u << 20;

}  // namespace

WalWriter::WalWriter(std::unique_ptr<io::WritableFile> file, const WalFileHeader& header,
                     io::Failpoints& failpoints)
    : file_(std::move(file)), header_(header), failpoints_(failpoints) {}

Result<std::unique_ptr<WalWriter>> WalWriter::Start(std::unique_ptr<io::WritableFile> file,
                                                    const WalFileHeader& header,
                                                    io::Failpoints& failpoints) {
  GRANARY_TRY(file->WriteAt(0, EncodeWalFileHeader(header)));
  GRANARY_TRY(file->Sync());
  return std::unique_ptr<WalWriter>(new WalWriter(std::move(file), header, failpoints));
}

void WalWriter::Add(const WalFrame& frame, std::uint32_t payload_crc) {
  AppendFrame(frame, payload_crc, FrameHome{header_.file_number, header_.salt}, end_, group_);
}

Status WalWriter::Commit() {
  GRANARY_TRY(closed_by_);
  if (group_.empty()) return Status::Ok();
  if (Status s = CommitGroup(); !s.ok()) {
    closed_by_ = s;
    return s;
  }
  end_ += group_.size();
  group_.clear();
  if (group_.capacity() > kGroupBufferKeptBytes) group_.shrink_to_fit();
  return Status::Ok();
}

Status WalWriter::CommitGroup() {
  GRANARY_TRY(failpoints_.Hit("wal.before_write"));
  GRANARY_TRY(file_->WriteAt(end_, group_));
  GRANARY_TRY(failpoints_.Hit("wal.after_write"));
  GRANARY_TRY(file_->Sync());
  return failpoints_.Hit("wal.after_sync");
}

Status WalWriter::Close(Rest rest) {
  GRANARY_TRY(closed_by_);
  closed_by_ = Status(Code::kUnavailable, "the log file is closed");
  if (rest == Rest::kCut) {
    GRANARY_TRY(file_->Truncate(end_));
    GRANARY_TRY(file_->Sync());
  }
  return file_->Close();
}

}  // namespace granary::storage
