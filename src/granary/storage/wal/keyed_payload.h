// KeyedPayload: what a frame with an idempotency key carries besides its records, at the end of its
// payload: when it was written, the upper half of the body's hash, and a note.
//
// Shape      batch | note | written_us (8) | body_hash_high (8) | note_bytes (4) | 0 (4); a frame
//            without records has no batch. docs/formats/wal.md.
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::storage {

/// What an answer said besides its numbers; longer ones are refused with kTooLarge.
inline constexpr std::size_t kKeyNoteMaxBytes = 64u << 10;

struct KeyedPayload {
  std::int64_t written_us = 0;  ///< Wall clock, since the Unix epoch.
  std::uint64_t body_hash_high = 0;
  std::string_view note;
  std::string_view batch;  ///< Set by SplitKeyedPayload.
};

/// Appends all but the batch, which is in `payload` already.
void AppendKeyedPayload(const KeyedPayload& keyed, std::string& payload);

/// Views into `payload`. kCorruption when it is too short for what it says.
Result<KeyedPayload> SplitKeyedPayload(std::string_view payload);

}  // namespace granary::storage
