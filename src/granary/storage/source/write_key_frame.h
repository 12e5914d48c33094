// How a write's idempotency key travels: into its frame, and between outcomes and records.
//
// Threads    pure functions.
#pragma once

#include <cstdint>

#include "granary/base/status.h"
#include "granary/storage/source/source.h"
#include "granary/storage/source/write_key.h"
#include "granary/storage/wal/wal_frame.h"

namespace granary::storage {

/// kTooLarge for a note that is too long.
Status CheckNote(const KeyTurn& turn);

/// Makes `frame`, whose payload is a batch, one of keyed records. kTooLarge for a note or a key
/// that is too long.
Status AddKey(const KeyTurn& turn, std::int64_t written_us, WalFrame& frame);

/// Without key, body and note.
KeyRecord RecordOf(const WriteOutcome& outcome, std::uint64_t records, std::int64_t written_us);
WriteOutcome OutcomeOf(const KeyRecord& record);

}  // namespace granary::storage
