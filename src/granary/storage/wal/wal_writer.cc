#include "granary/storage/wal/wal_writer.h"

#include <utility>

namespace granary::storage {
namespace {

/// A buffer that much at once has grown is given back.
constexpr std::size_t kBufferKeptBytes = 4u << 20;
/// Of a payload of so many bytes a copy costs more than a call of its own.
constexpr std::size_t kPayloadCopiedBytes = 256u << 10;

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
  const FrameHome home{header_.file_number, header_.salt};
  if (frame.payload.size() < kPayloadCopiedBytes)
    return AppendFrame(frame, payload_crc, home, synced_end_, added_);
  AppendFrameHead(frame, payload_crc, home, synced_end_, added_);
  payloads_.push_back({added_.size(), frame.payload});
  added_.append(FramePadding(frame));
}

Status WalWriter::Write() {
  GRANARY_TRY(closed_by_);
  if (added_.empty()) return Status::Ok();
  if (Status s = WriteAdded(); !s.ok()) {
    closed_by_ = s;
    // What was answered before is saved if it can be. If not, no room on the disk brings it back.
    if (unsynced_bytes() > 0) {
      if (const Status lost = file_->Sync(); !lost.ok())
        closed_by_ = Status::IoError(std::string(lost.message()));
    }
    return closed_by_;
  }
  added_.clear();
  payloads_.clear();
  if (added_.capacity() > kBufferKeptBytes) added_.shrink_to_fit();
  return Status::Ok();
}

Status WalWriter::Sync() {
  GRANARY_TRY(closed_by_);
  if (unsynced_bytes() == 0) return Status::Ok();
  if (Status s = SyncWritten(); !s.ok()) {
    closed_by_ = s;
    return s;
  }
  synced_end_ = end_;
  return Status::Ok();
}

Status WalWriter::Commit() {
  GRANARY_TRY(Write());
  return Sync();
}

Status WalWriter::WriteAdded() {
  GRANARY_TRY(failpoints_.Hit("wal.before_write"));
  std::uint64_t at = end_;
  const auto write = [&](std::string_view bytes) -> Status {
    if (bytes.empty()) return Status::Ok();
    at += bytes.size();
    return file_->WriteAt(at - bytes.size(), bytes);
  };
  std::string_view rest = added_;
  std::size_t done = 0;
  for (const Payload& payload : payloads_) {
    GRANARY_TRY(write(rest.substr(0, payload.behind - done)));
    GRANARY_TRY(write(payload.bytes));
    rest.remove_prefix(payload.behind - done);
    done = payload.behind;
  }
  GRANARY_TRY(write(rest));
  GRANARY_TRY(failpoints_.Hit("wal.after_write"));
  end_ = at;
  return Status::Ok();
}

Status WalWriter::SyncWritten() {
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
