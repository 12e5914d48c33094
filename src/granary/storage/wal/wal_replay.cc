#include "granary/storage/wal/wal_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "granary/storage/wal/wal_reader.h"

namespace granary::storage {
namespace {

class Replay {
 public:
  Replay(io::FileSystem& files, const WalFiles& folder, std::uint32_t lane,
         const std::function<Status(const WalFrame&)>& replay)
      : files_(files), folder_(folder), lane_(lane), replay_(replay) {}

  void ReadHeaders() {
    for (const WalFiles::File& file : folder_.found()) {
      CollectHeader(files_, folder_.PathOf(file.number), file.number, headers_);
    }
  }

  Status ReadFile(const WalFiles::File& file, std::int64_t now_us) {
    const std::string path = folder_.PathOf(file.number);
    GRANARY_ASSIGN(const auto reader,
                   WalReader::Open(files_, path, file.number, SyncedEnd(headers_, file.number)));
    GRANARY_TRY(CheckLane(*reader, path));
    ClosedWalFile closed{file.number, 0, file.bytes, ClosedAt(file.number, now_us), false, {}};
    GRANARY_TRY(ReadFrames(*reader, closed.last_sequences));
    closed.used_bytes = reader->end();
    closed.damaged = !reader->damage().empty();
    if (reader->tail() == WalTail::kTorn) ++result_.torn_files;
    GRANARY_TRY(MakeDurable(*reader, path, closed));
    Keep(file, *reader, std::move(closed));
    return Status::Ok();
  }

  ReplayedLane Take() { return std::move(result_); }

 private:
  Status CheckLane(const WalReader& reader, const std::string& path) const {
    if (!reader.header() || reader.header()->lane == lane_) return Status::Ok();
    return Status::Corruption(fmt::format("{}: belongs to lane {}, found in the folder of lane {}",
                                          path, reader.header()->lane, lane_));
  }

  Status ReadFrames(WalReader& reader, LastSequences& last_sequences) {
    while (true) {
      GRANARY_ASSIGN(const bool more, reader.Next(frame_));
      if (!more) return Status::Ok();
      if (frame_.kind == FrameKind::kEndOfLane) continue;
      NoteRecords(frame_, last_sequences);
      ++result_.frames;
      GRANARY_TRY(replay_(frame_));
    }
  }

  /// Where it is not known that the file was synced, makes it so.
  Status MakeDurable(const WalReader& reader, const std::string& path, ClosedWalFile& closed) {
    if (reader.tail() == WalTail::kSynced || closed.used_bytes <= kWalFileHeaderBytes)
      return Status::Ok();
    const std::uint64_t from = reader.frame_group_start();
    GRANARY_ASSIGN(auto file, files_.OpenForWrite(path, io::OpenMode::kExisting));
    if (from != 0 && from < closed.used_bytes)
      GRANARY_TRY(RewriteLastGroup(path, from, closed.used_bytes, *file));
    // Gives back what a short life had reserved, unless something in there may still be of
    // interest.
    if (reader.tail() == WalTail::kOpen && !closed.damaged &&
        closed.used_bytes < closed.disk_bytes / 2) {
      GRANARY_TRY(file->Truncate(closed.used_bytes));
      closed.disk_bytes = closed.used_bytes;
    }
    GRANARY_TRY(file->Sync());
    return file->Close();
  }

  Status RewriteLastGroup(const std::string& path, std::uint64_t from, std::uint64_t to,
                          io::WritableFile& out) {
    GRANARY_ASSIGN(const auto in, files_.OpenForRead(path));
    std::string group(static_cast<std::size_t>(to - from), '\0');
    GRANARY_ASSIGN(const std::size_t got, in->ReadAt(from, group));
    if (got != group.size())
      return Status::IoError(fmt::format("{}: became shorter while it was read", path));
    return out.WriteAt(from, group);
  }

  void Keep(const WalFiles::File& file, const WalReader& reader, ClosedWalFile closed) {
    for (const WalReader::Lost& lost : reader.lost()) {
      std::uint64_t& last = closed.last_sequences[lost.source_uid];
      last = std::max(last, lost.last_sequence);
    }
    result_.damage.insert(result_.damage.end(), reader.damage().begin(), reader.damage().end());
    if (closed.last_sequences.empty() && !closed.damaged) {
      result_.empty.push_back(file);
    } else {
      result_.files.push_back(std::make_shared<const ClosedWalFile>(std::move(closed)));
    }
  }

  std::int64_t ClosedAt(std::uint64_t number, std::int64_t now_us) const {
    const auto next = headers_.upper_bound(number);
    return next == headers_.end() ? now_us : next->second.created_us;
  }

  io::FileSystem& files_;
  const WalFiles& folder_;
  const std::uint32_t lane_;
  const std::function<Status(const WalFrame&)>& replay_;
  WalFileHeaders headers_;
  WalFrame frame_;
  ReplayedLane result_;
};

}  // namespace

Result<ReplayedLane> ReplayLane(io::FileSystem& files, const WalFiles& folder, std::uint32_t lane,
                                const std::function<Status(const WalFrame&)>& replay,
                                std::int64_t now_us) {
  Replay run(files, folder, lane, replay);
  run.ReadHeaders();
  for (const WalFiles::File& file : folder.found()) GRANARY_TRY(run.ReadFile(file, now_us));
  return run.Take();
}

void CollectHeader(io::FileSystem& files, const std::string& path, std::uint64_t number,
                   WalFileHeaders& headers) {
  auto file = files.OpenForRead(path);
  if (!file.ok()) return;
  std::string bytes(kWalFileHeaderBytes, '\0');
  const auto got = (*file)->ReadAt(0, bytes);
  if (!got.ok()) return;
  const auto header = DecodeWalFileHeader(std::string_view(bytes).substr(0, *got));
  if (header.ok() && header->file_number == number) headers.emplace(number, *header);
}

std::optional<std::uint64_t> SyncedEnd(const WalFileHeaders& headers, std::uint64_t number) {
  for (auto next = headers.upper_bound(number); next != headers.end(); ++next) {
    if (next->second.previous_file == number) return next->second.previous_end;
  }
  return std::nullopt;
}

}  // namespace granary::storage
