#include "granary/storage/wal/wal_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace granary::storage {
namespace {

std::uint64_t LastSequence(const FrameHeaderLayout& h) {
  return h.records == 0 ? h.first_sequence : h.first_sequence + h.records - 1;
}

/// Whose records a damaged frame held; empty when its header is gone too.
std::string WhoseRecords(FrameCheck why, const FrameHeader& header) {
  if (why != FrameCheck::kBadPayload && why != FrameCheck::kCut) return {};
  if (header.source.empty()) return {};
  return fmt::format(", source {} of tenant {} loses sequences {} to {}", header.source,
                     header.tenant, header.fields.first_sequence, LastSequence(header.fields));
}

}  // namespace

WalReader::WalReader(std::string path, std::uint64_t file_number,
                     std::optional<std::uint64_t> synced_end,
                     std::unique_ptr<io::RandomAccessFile> file)
    : path_(std::move(path)),
      home_{file_number, std::nullopt},
      synced_end_(synced_end),
      window_(std::move(file)) {}

Result<std::unique_ptr<WalReader>> WalReader::Open(io::FileSystem& files, const std::string& path,
                                                   std::uint64_t file_number,
                                                   std::optional<std::uint64_t> synced_end) {
  GRANARY_ASSIGN(auto file, files.OpenForRead(path));
  std::unique_ptr<WalReader> reader(new WalReader(path, file_number, synced_end, std::move(file)));
  GRANARY_TRY(reader->ReadHeader());
  return reader;
}

Status WalReader::ReadHeader() {
  GRANARY_ASSIGN(const std::string_view bytes, window_.At(0, kWalFileHeaderBytes));
  Result<WalFileHeader> header = DecodeWalFileHeader(bytes);
  if (!header.ok() && header.status().code() == Code::kConflict) return header.status().At(path_);
  if (!header.ok()) {
    header_problem_ = header.status().message();
  } else if (header->file_number != home_.file_number) {
    header_problem_ =
        fmt::format("file header: of file {}, expected {}", header->file_number, home_.file_number);
  } else {
    header_ = *header;
    home_.salt = header->salt;
  }
  return Status::Ok();
}

std::uint64_t WalReader::limit() const {
  return std::min(window_.file_bytes(), synced_end_.value_or(window_.file_bytes()));
}

Result<bool> WalReader::Next(WalFrame& frame) {
  while (!done_) {
    if (synced_end_ && offset_ >= *synced_end_) {
      tail_ = WalTail::kSynced;
      done_ = true;
      break;
    }
    FrameHeader header;
    std::string_view bytes;
    GRANARY_ASSIGN(const FrameCheck check, Check(offset_, header, bytes));
    if (check == FrameCheck::kWhole) {
      Take(header, bytes, frame);
      return true;
    }
    GRANARY_TRY(StepOverBadFrame(check, header));
  }
  return false;
}

void WalReader::Take(const FrameHeader& header, std::string_view bytes, WalFrame& frame) {
  FillFrame(header, bytes, frame);
  home_.salt = header.fields.salt;
  frame_offset_ = offset_;
  group_start_ = header.fields.group_start;
  offset_ += header.frame_bytes();
  if (!header_problem_.empty()) {
    // Frames are written only behind a synced header, so it was whole once.
    damage_.push_back({path_, 0, std::exchange(header_problem_, {})});
  }
  if (frame.kind == FrameKind::kEndOfLane) {
    tail_ = WalTail::kEndOfLane;
    done_ = true;
  }
}

Result<FrameCheck> WalReader::CheckHeader(std::uint64_t offset, FrameHeader& header) {
  const auto room =
      static_cast<std::size_t>(std::min<std::uint64_t>(limit() - offset, kFrameHeaderMaxBytes));
  GRANARY_ASSIGN(const std::string_view bytes, window_.At(offset, room));
  return DecodeFrameHeader(bytes, offset, home_, header);
}

Result<FrameCheck> WalReader::Check(std::uint64_t offset, FrameHeader& header,
                                    std::string_view& bytes) {
  if (offset >= limit()) return FrameCheck::kNoFrame;
  GRANARY_ASSIGN(const FrameCheck check, CheckHeader(offset, header));
  if (check != FrameCheck::kWhole) return check;
  if (header.frame_bytes() > limit() - offset) return FrameCheck::kCut;
  GRANARY_ASSIGN(bytes, window_.At(offset, header.frame_bytes()));
  if (bytes.size() < header.frame_bytes()) return FrameCheck::kCut;  // The file shrank under us.
  header.PointInto(bytes);                                           // The window may have moved.
  return CheckFramePayload(header, bytes);
}

Status WalReader::StepOverBadFrame(FrameCheck why, const FrameHeader& header) {
  const std::uint64_t bad = offset_;
  // A payload may look like frames; where its length is known it is not searched.
  const bool header_holds = why == FrameCheck::kBadPayload;
  const std::uint64_t from = bad + (header_holds ? header.frame_bytes() : kWalAlignment);
  // The header's names point into the window, which the search moves.
  FrameHeader kept = header;
  const std::string tenant(header.tenant), source(header.source);
  kept.tenant = tenant;
  kept.source = source;

  GRANARY_ASSIGN(const LaterFrames later, FindLaterFrames(bad, from));
  if (!synced_end_ && !later.prove_synced) {
    const bool nothing_of_ours = why == FrameCheck::kNoFrame || why == FrameCheck::kOtherLife;
    tail_ = nothing_of_ours && !later.first ? WalTail::kOpen : WalTail::kTorn;
    done_ = true;
    return Status::Ok();
  }
  const std::uint64_t until = later.first ? *later.first : synced_end_.value_or(limit());
  RecordDamage(why, kept, until);
  offset_ = until;
  return Status::Ok();
}

void WalReader::RecordDamage(FrameCheck why, const FrameHeader& header, std::uint64_t until) {
  const std::string whose = WhoseRecords(why, header);
  damage_.push_back({path_, offset_,
                     fmt::format("{}, {} synced bytes do not read back{}", FrameCheckText(why),
                                 until - offset_, whose)});
  if (!whose.empty())
    lost_.push_back({SourceUid{header.fields.source_uid}, LastSequence(header.fields)});
}

Result<WalReader::LaterFrames> WalReader::FindLaterFrames(std::uint64_t bad, std::uint64_t from) {
  LaterFrames found;
  while (true) {
    GRANARY_ASSIGN(const std::optional<std::uint64_t> at, FindMagic(from));
    if (!at) return found;
    FrameHeader header;
    GRANARY_ASSIGN(const FrameCheck check, CheckHeader(*at, header));
    if (check != FrameCheck::kWhole) {
      from = *at + kWalAlignment;
      continue;
    }
    home_.salt = header.fields.salt;
    if (!found.first) found.first = *at;
    if (synced_end_ || header.fields.group_start > bad) {
      found.prove_synced = true;
      return found;
    }
    from = *at + header.frame_bytes();
  }
}

Result<std::optional<std::uint64_t>> WalReader::FindMagic(std::uint64_t from) {
  while (from + kFrameHeaderBytes <= limit()) {
    const auto room =
        static_cast<std::size_t>(std::min<std::uint64_t>(limit() - from, WalWindow::kStepBytes));
    GRANARY_ASSIGN(const std::string_view bytes, window_.At(from, room));
    if (bytes.size() < sizeof(kWalFrameMagic)) break;  // The file shrank under us.
    for (std::size_t i = 0; i + sizeof(kWalFrameMagic) <= bytes.size(); i += kWalAlignment) {
      if (std::memcmp(bytes.data() + i, &kWalFrameMagic, sizeof(kWalFrameMagic)) == 0) {
        return std::optional<std::uint64_t>(from + i);
      }
    }
    from += (bytes.size() + kWalAlignment - 1) / kWalAlignment * kWalAlignment;
  }
  return std::optional<std::uint64_t>();
}

}  // namespace granary::storage
