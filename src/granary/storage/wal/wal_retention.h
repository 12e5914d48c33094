// What becomes of closed log files: which sources still need one, and which files may go.
//
// Threads    plain values; a closed file never changes, so that lists of them are shared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "granary/base/ids.h"
#include "granary/storage/wal/wal_frame.h"

namespace granary::storage {

/// The last sequence that a file holds of each source in it.
using LastSequences = std::unordered_map<SourceUid, std::uint64_t>;
void NoteRecords(const WalFrame& frame, LastSequences& last_sequences);

struct ClosedWalFile {
  std::uint64_t number = 0;
  std::uint64_t used_bytes = 0;  ///< By header and frames.
  std::uint64_t disk_bytes = 0;
  std::int64_t closed_us = 0;  ///< Wall clock.
  bool damaged = false;        ///< Kept for people to look at, whatever is flushed.
  LastSequences last_sequences;
};

using ClosedWalFiles = std::vector<std::shared_ptr<const ClosedWalFile>>;  ///< Oldest first.

struct WalRetention {
  std::int64_t age_us = 0;
  std::uint64_t log_bytes = 0;
};

/// The sequence up to which a source is in committed Parquet; nothing for a source that is gone.
using FlushedSequenceFn = std::function<std::optional<std::uint64_t>(SourceUid)>;

/// True when every record of `source` up to `last_sequence` is safe elsewhere, or gone with its
/// source.
bool IsFlushed(SourceUid source, std::uint64_t last_sequence, const FlushedSequenceFn& flushed);

struct WalFileChoice {
  std::uint64_t number = 0;
  std::string reason;  ///< One sentence for the log.
};

/// Which of `closed` may go: those that no source needs and that are older than the
/// retention's age, or that no longer fit into its bytes beside `current_bytes` and all newer
/// files. Pure: no clock, no disk.
std::vector<WalFileChoice> PickDroppable(const ClosedWalFiles& closed,
                                         const FlushedSequenceFn& flushed,
                                         const WalRetention& retention, std::int64_t now_us,
                                         std::uint64_t current_bytes);

/// Sources that keep a file from going, oldest file first, each once.
std::vector<SourceUid> PickLaggards(const ClosedWalFiles& closed, const FlushedSequenceFn& flushed);

}  // namespace granary::storage
