// The bytes of a log file. Writer, reader and dump include this and nothing else about layout; the
// same tables for people are in docs/formats/wal.md.
//
// A file is one header, then frames; each frame starts at a multiple of 8. A frame is
//
//   FrameHeaderLayout | tenant | source | idempotency key | payload | 0 to 7 zeroes
//
// header_crc covers the header from `file_number` on and the three names, payload_crc the payload
// and the zeroes behind it, so every byte is under a checksum or has one legal value. No length is
// used before header_crc holds and the length is within its limit.
//
// Life       a recycled file holds frames of its earlier lives, and a payload may hold anything,
//            also something that looks like a frame. A frame is ours when it carries the file's
//            number and the salt, a random number that no client can know.
// Order      `group_start` is where the group commit of this frame began: every byte of the file
//            before it was synced before this frame was written. It tells damage from a torn tail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "granary/base/ids.h"
#include "granary/storage/wal/wal_frame.h"

namespace granary::storage {

inline constexpr std::uint32_t kWalFormatVersion = 2;  // 2: keyed records.
inline constexpr std::string_view kWalFileMagic = "GRANWAL\n";
inline constexpr std::uint32_t kWalFrameMagic = 0x4D524647;  // "GFRM"
inline constexpr std::size_t kWalAlignment = 8;

/// Longest idempotency key; the usual one is a UUID's 36 bytes.
inline constexpr std::size_t kWalKeyMaxBytes = 255;
/// No reader believes in a larger payload; WalLaneOptions::payload_bytes_max is at most this.
inline constexpr std::uint64_t kWalPayloadMaxBytes = 256u << 20;

struct WalFileHeaderLayout {
  char magic[8];
  std::uint32_t format_version;
  std::uint32_t lane;
  std::uint64_t file_number;
  std::uint64_t salt;
  std::int64_t created_us;      // Wall clock, since the Unix epoch.
  std::uint64_t previous_file;  // The file before this one when it was made; 0: none.
  std::uint64_t previous_end;   // How many bytes of it were synced then. It never grows again.
  std::uint32_t reserved;       // 0
  std::uint32_t crc;            // Of all bytes before.
};
static_assert(std::has_unique_object_representations_v<WalFileHeaderLayout>);
static_assert(sizeof(WalFileHeaderLayout) == 64);
static_assert(offsetof(WalFileHeaderLayout, file_number) == 16);
static_assert(offsetof(WalFileHeaderLayout, previous_file) == 40);
static_assert(offsetof(WalFileHeaderLayout, crc) == 60);

struct FrameHeaderLayout {
  std::uint32_t magic;
  std::uint32_t header_crc;
  std::uint64_t file_number;
  std::uint64_t salt;
  std::uint64_t group_start;
  std::uint64_t source_uid;
  std::uint64_t first_sequence;
  std::uint64_t body_hash;
  std::uint32_t schema_version;
  std::uint32_t records;
  std::uint32_t payload_bytes;
  std::uint32_t payload_crc;
  std::uint16_t tenant_bytes;
  std::uint16_t source_bytes;
  std::uint16_t key_bytes;
  std::uint8_t kind;
  std::uint8_t reserved;  // 0
};
static_assert(std::has_unique_object_representations_v<FrameHeaderLayout>);
static_assert(sizeof(FrameHeaderLayout) == 80);
static_assert(offsetof(FrameHeaderLayout, file_number) == 8);
static_assert(offsetof(FrameHeaderLayout, group_start) == 24);
static_assert(offsetof(FrameHeaderLayout, body_hash) == 48);
static_assert(offsetof(FrameHeaderLayout, payload_bytes) == 64);
static_assert(offsetof(FrameHeaderLayout, tenant_bytes) == 72);
static_assert(offsetof(FrameHeaderLayout, kind) == 78);

inline constexpr std::size_t kWalFileHeaderBytes = sizeof(WalFileHeaderLayout);
inline constexpr std::size_t kFrameHeaderBytes = sizeof(FrameHeaderLayout);
/// The header with its names.
inline constexpr std::size_t kFrameHeaderMaxBytes =
    kFrameHeaderBytes + 2 * kIdentifierMaxBytes + kWalKeyMaxBytes;
static_assert(kWalFileHeaderBytes % kWalAlignment == 0, "the first frame is aligned");

struct WalFileHeader {
  std::uint32_t lane = 0;
  std::uint64_t file_number = 0;
  std::uint64_t salt = 0;
  std::int64_t created_us = 0;
  std::uint64_t previous_file = 0;
  std::uint64_t previous_end = 0;
  bool operator==(const WalFileHeader&) const = default;
};

std::string EncodeWalFileHeader(const WalFileHeader& header);

/// kCorruption when the bytes are no header or fail their checksum, kConflict for a newer format.
Result<WalFileHeader> DecodeWalFileHeader(std::string_view bytes);

/// Whose frames count: those of this file in this life. Without a salt (the file's header is
/// damaged) the number alone decides.
struct FrameHome {
  std::uint64_t file_number = 0;
  std::optional<std::uint64_t> salt;
};

/// CRC-32C of a payload and the zeroes that follow it in the file, given where the names end.
std::uint32_t FramePayloadCrc(const WalFrame& frame);
/// Bytes that the frame takes in a file; a multiple of 8.
std::size_t FrameBytes(const WalFrame& frame);
/// kTooLarge, naming what is too long, when the frame does not fit the format or `payload_max`.
Status CheckFrameFits(const WalFrame& frame, std::uint64_t payload_max);

/// Appends the whole frame. `home` has a salt; `payload_crc` is FramePayloadCrc(frame).
void AppendFrame(const WalFrame& frame, std::uint32_t payload_crc, const FrameHome& home,
                 std::uint64_t group_start, std::string& out);
/// The same in three parts: what stands before the payload, the payload, and what pads it.
void AppendFrameHead(const WalFrame& frame, std::uint32_t payload_crc, const FrameHome& home,
                     std::uint64_t group_start, std::string& out);
std::string_view FramePadding(const WalFrame& frame);

/// Why bytes at some offset are, or are not, the start of a frame of `home`.
enum class FrameCheck : std::uint8_t {
  kWhole,
  kNoFrame,     ///< Something else, or nothing, begins here.
  kOtherLife,   ///< A frame of another file number or salt.
  kBadHeader,   ///< The header's checksum fails.
  kBadLimits,   ///< The header holds what no writer writes.
  kCut,         ///< The file ends inside the frame.
  kBadPayload,  ///< The header holds, the payload's checksum fails.
};
/// "frame header checksum mismatch", for messages.
std::string_view FrameCheckText(FrameCheck check);

/// A checked frame header; the names point into the bytes that were given.
struct FrameHeader {
  FrameHeaderLayout fields{};
  std::string_view tenant;
  std::string_view source;
  std::string_view key;

  std::size_t header_bytes() const {
    return kFrameHeaderBytes + tenant.size() + source.size() + key.size();
  }
  std::size_t frame_bytes() const;  ///< With payload and zeroes.
  /// Points the names into `bytes`, which hold the same header as those it was decoded from.
  void PointInto(std::string_view bytes);
};

/// Checks the header at the start of `bytes`, which lie at `offset` of the file and reach to its
/// end or hold at least kFrameHeaderMaxBytes. Fills `out` on kWhole only, which says nothing of the
/// payload.
FrameCheck DecodeFrameHeader(std::string_view bytes, std::uint64_t offset, const FrameHome& home,
                             FrameHeader& out);

/// kWhole or kBadPayload; `bytes` is the whole frame.
FrameCheck CheckFramePayload(const FrameHeader& header, std::string_view bytes);

/// Copies a checked frame out of its bytes, reusing `out`'s memory.
void FillFrame(const FrameHeader& header, std::string_view bytes, WalFrame& out);

}  // namespace granary::storage
