#include "granary/storage/wal/wal_format.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "granary/base/crc32c.h"

namespace granary::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "the log is little-endian");

constexpr std::size_t kHeaderCrcFrom = offsetof(FrameHeaderLayout, file_number);
constexpr std::string_view kZeroes{"\0\0\0\0\0\0\0", kWalAlignment - 1};

template <typename Layout>
std::string_view BytesOf(const Layout& layout) {
  return {reinterpret_cast<const char*>(&layout), sizeof(Layout)};
}

std::uint32_t FileHeaderCrc(const WalFileHeaderLayout& layout) {
  return Crc32c(BytesOf(layout).substr(0, offsetof(WalFileHeaderLayout, crc)));
}

std::size_t NameBytes(const WalFrame& frame) {
  return frame.tenant.size() + frame.source.size() + frame.idempotency_key.size();
}

std::size_t PaddingAfter(std::size_t unpadded) { return (0 - unpadded) % kWalAlignment; }

bool WithinLimits(const FrameHeaderLayout& h, std::uint64_t offset) {
  return h.tenant_bytes <= kIdentifierMaxBytes && h.source_bytes <= kIdentifierMaxBytes &&
         h.key_bytes <= kWalKeyMaxBytes && h.payload_bytes <= kWalPayloadMaxBytes &&
         h.reserved == 0 && h.kind >= static_cast<std::uint8_t>(FrameKind::kRecords) &&
         h.kind <= static_cast<std::uint8_t>(FrameKind::kKeyedRecords) &&
         h.group_start >= kWalFileHeaderBytes && h.group_start <= offset &&
         h.group_start % kWalAlignment == 0;
}

FrameHeaderLayout LayoutOf(const WalFrame& frame, std::uint32_t payload_crc, const FrameHome& home,
                           std::uint64_t group_start) {
  FrameHeaderLayout h{};
  h.magic = kWalFrameMagic;
  h.file_number = home.file_number;
  h.salt = *home.salt;
  h.group_start = group_start;
  h.source_uid = frame.source_uid.value;
  h.first_sequence = frame.first_sequence;
  h.body_hash = frame.body_hash;
  h.schema_version = frame.schema_version;
  h.records = frame.records;
  h.payload_bytes = static_cast<std::uint32_t>(frame.payload.size());
  h.payload_crc = payload_crc;
  h.tenant_bytes = static_cast<std::uint16_t>(frame.tenant.size());
  h.source_bytes = static_cast<std::uint16_t>(frame.source.size());
  h.key_bytes = static_cast<std::uint16_t>(frame.idempotency_key.size());
  h.kind = static_cast<std::uint8_t>(frame.kind);
  return h;
}

}  // namespace

std::string EncodeWalFileHeader(const WalFileHeader& header) {
  WalFileHeaderLayout layout{};
  std::memcpy(layout.magic, kWalFileMagic.data(), sizeof(layout.magic));
  layout.format_version = kWalFormatVersion;
  layout.lane = header.lane;
  layout.file_number = header.file_number;
  layout.salt = header.salt;
  layout.created_us = header.created_us;
  layout.previous_file = header.previous_file;
  layout.previous_end = header.previous_end;
  layout.crc = FileHeaderCrc(layout);
  return std::string(BytesOf(layout));
}

Result<WalFileHeader> DecodeWalFileHeader(std::string_view bytes) {
  WalFileHeaderLayout layout;
  if (bytes.size() < sizeof(layout)) {
    return Status::Corruption(
        fmt::format("file header: {} bytes, expected {}", bytes.size(), sizeof(layout)));
  }
  std::memcpy(&layout, bytes.data(), sizeof(layout));
  if (std::string_view(layout.magic, sizeof(layout.magic)) != kWalFileMagic) {
    return Status::Corruption("file header: not the magic of a log file");
  }
  if (const std::uint32_t crc = FileHeaderCrc(layout); crc != layout.crc) {
    return Status::Corruption(fmt::format(
        "file header: checksum mismatch, stored {:08x}, computed {:08x}", layout.crc, crc));
  }
  if (layout.format_version == 0 || layout.format_version > kWalFormatVersion) {
    return Status(Code::kConflict, fmt::format("log format {}, this version reads 1 to {}",
                                               layout.format_version, kWalFormatVersion));
  }
  return WalFileHeader{layout.lane,       layout.file_number,   layout.salt,
                       layout.created_us, layout.previous_file, layout.previous_end};
}

std::size_t FrameBytes(const WalFrame& frame) {
  const std::size_t unpadded = kFrameHeaderBytes + NameBytes(frame) + frame.payload.size();
  return unpadded + PaddingAfter(unpadded);
}

std::uint32_t FramePayloadCrc(const WalFrame& frame) {
  const std::size_t unpadded = kFrameHeaderBytes + NameBytes(frame) + frame.payload.size();
  return Crc32c(kZeroes.substr(0, PaddingAfter(unpadded)), Crc32c(frame.payload));
}

Status CheckFrameFits(const WalFrame& frame, std::uint64_t payload_max) {
  const auto check = [](std::string_view what, std::uint64_t bytes, std::uint64_t max) {
    if (bytes <= max) return Status::Ok();
    return Status(Code::kTooLarge,
                  fmt::format("{} of {} bytes, the log takes {}", what, bytes, max));
  };
  GRANARY_TRY(check("a batch", frame.payload.size(), payload_max));
  GRANARY_TRY(check("an idempotency key", frame.idempotency_key.size(), kWalKeyMaxBytes));
  GRANARY_TRY(check("a tenant id", frame.tenant.size(), kIdentifierMaxBytes));
  return check("a source id", frame.source.size(), kIdentifierMaxBytes);
}

void AppendFrame(const WalFrame& frame, std::uint32_t payload_crc, const FrameHome& home,
                 std::uint64_t group_start, std::string& out) {
  const std::size_t at = out.size();
  AppendFrameHead(frame, payload_crc, home, group_start, out);
  out.append(frame.payload);
  out.append(kZeroes.substr(0, PaddingAfter(out.size() - at)));
}

std::string_view FramePadding(const WalFrame& frame) {
  const std::size_t bytes = sizeof(FrameHeaderLayout) + frame.tenant.size() + frame.source.size() +
                            frame.idempotency_key.size() + frame.payload.size();
  return kZeroes.substr(0, PaddingAfter(bytes));
}

void AppendFrameHead(const WalFrame& frame, std::uint32_t payload_crc, const FrameHome& home,
                     std::uint64_t group_start, std::string& out) {
  FrameHeaderLayout layout = LayoutOf(frame, payload_crc, home, group_start);
  const std::size_t at = out.size();
  out.append(BytesOf(layout))
      .append(frame.tenant)
      .append(frame.source)
      .append(frame.idempotency_key);
  const std::size_t header_end = out.size();
  layout.header_crc =
      Crc32c(std::string_view(out).substr(at + kHeaderCrcFrom, header_end - at - kHeaderCrcFrom));
  std::memcpy(out.data() + at + offsetof(FrameHeaderLayout, header_crc), &layout.header_crc,
              sizeof(std::uint32_t));
}

std::string_view FrameCheckText(FrameCheck check) {
  switch (check) {
    case FrameCheck::kWhole: return "whole frame";
    case FrameCheck::kNoFrame: return "no frame header";
    case FrameCheck::kOtherLife: return "frame of an earlier life of the file";
    case FrameCheck::kBadHeader: return "frame header checksum mismatch";
    case FrameCheck::kBadLimits: return "frame header with impossible lengths";
    case FrameCheck::kCut: return "file ends inside the frame";
    case FrameCheck::kBadPayload: return "payload checksum mismatch";
  }
  return "unknown";
}

std::size_t FrameHeader::frame_bytes() const {
  const std::size_t unpadded = header_bytes() + fields.payload_bytes;
  return unpadded + PaddingAfter(unpadded);
}

void FrameHeader::PointInto(std::string_view bytes) {
  tenant = bytes.substr(kFrameHeaderBytes, fields.tenant_bytes);
  source = bytes.substr(kFrameHeaderBytes + fields.tenant_bytes, fields.source_bytes);
  key =
      bytes.substr(kFrameHeaderBytes + fields.tenant_bytes + fields.source_bytes, fields.key_bytes);
}

FrameCheck DecodeFrameHeader(std::string_view bytes, std::uint64_t offset, const FrameHome& home,
                             FrameHeader& out) {
  if (bytes.size() < sizeof(kWalFrameMagic)) return FrameCheck::kNoFrame;
  if (std::memcmp(bytes.data(), &kWalFrameMagic, sizeof(kWalFrameMagic)) != 0)
    return FrameCheck::kNoFrame;
  if (bytes.size() < kFrameHeaderBytes) return FrameCheck::kCut;

  FrameHeaderLayout h;
  std::memcpy(&h, bytes.data(), sizeof(h));
  if (h.file_number != home.file_number || (home.salt && h.salt != *home.salt))
    return FrameCheck::kOtherLife;
  if (!WithinLimits(h, offset)) return FrameCheck::kBadLimits;

  const std::size_t names = std::size_t{h.tenant_bytes} + h.source_bytes + h.key_bytes;
  if (bytes.size() < kFrameHeaderBytes + names) return FrameCheck::kCut;
  const std::string_view covered =
      bytes.substr(kHeaderCrcFrom, kFrameHeaderBytes - kHeaderCrcFrom + names);
  if (Crc32c(covered) != h.header_crc) return FrameCheck::kBadHeader;

  out.fields = h;
  out.PointInto(bytes);
  return FrameCheck::kWhole;
}

FrameCheck CheckFramePayload(const FrameHeader& header, std::string_view bytes) {
  if (bytes.size() < header.frame_bytes()) return FrameCheck::kCut;
  const std::string_view covered =
      bytes.substr(header.header_bytes(), header.frame_bytes() - header.header_bytes());
  return Crc32c(covered) == header.fields.payload_crc ? FrameCheck::kWhole
                                                      : FrameCheck::kBadPayload;
}

void FillFrame(const FrameHeader& header, std::string_view bytes, WalFrame& out) {
  const FrameHeaderLayout& h = header.fields;
  out.kind = static_cast<FrameKind>(h.kind);
  out.tenant = header.tenant;
  out.source = header.source;
  out.source_uid = SourceUid{h.source_uid};
  out.schema_version = h.schema_version;
  out.first_sequence = h.first_sequence;
  out.records = h.records;
  out.idempotency_key = header.key;
  out.body_hash = h.body_hash;
  out.payload = bytes.substr(header.header_bytes(), h.payload_bytes);
}

}  // namespace granary::storage
