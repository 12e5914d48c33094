#include "granary/storage/wal/keyed_payload.h"

#include <fmt/format.h>

#include "granary/base/bytes.h"

namespace granary::storage {
namespace {

constexpr std::size_t kTrailerBytes = 24;

}  // namespace

void AppendKeyedPayload(const KeyedPayload& keyed, std::string& payload) {
  payload.append(keyed.note);
  PutFixed(payload, keyed.written_us);
  PutFixed(payload, keyed.body_hash_high);
  PutFixed(payload, static_cast<std::uint32_t>(keyed.note.size()));
  PutFixed(payload, std::uint32_t{0});
}

Result<KeyedPayload> SplitKeyedPayload(std::string_view payload) {
  if (payload.size() < kTrailerBytes) {
    return Status::Corruption(
        fmt::format("a keyed frame's payload of {} bytes, expected at least {}", payload.size(),
                    kTrailerBytes));
  }
  const std::size_t body_bytes = payload.size() - kTrailerBytes;
  ByteReader trailer(payload.substr(body_bytes));
  KeyedPayload keyed;
  keyed.written_us = trailer.Fixed<std::int64_t>();
  keyed.body_hash_high = trailer.Fixed<std::uint64_t>();
  const auto note_bytes = trailer.Fixed<std::uint32_t>();
  if (note_bytes > body_bytes || note_bytes > kKeyNoteMaxBytes ||
      trailer.Fixed<std::uint32_t>() != 0) {
    return Status::Corruption(
        fmt::format("a keyed frame's note of {} bytes in a payload of {}", note_bytes, body_bytes));
  }
  keyed.note = payload.substr(body_bytes - note_bytes, note_bytes);
  keyed.batch = payload.substr(0, body_bytes - note_bytes);
  return keyed;
}

}  // namespace granary::storage
