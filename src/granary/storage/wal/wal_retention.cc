#include "granary/storage/wal/wal_retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace granary::storage {
namespace {

bool NobodyNeeds(const ClosedWalFile& file, const FlushedSequenceFn& flushed) {
  return std::all_of(
      file.last_sequences.begin(), file.last_sequences.end(),
      [&](const auto& entry) { return IsFlushed(entry.first, entry.second, flushed); });
}

}  // namespace

void NoteRecords(const WalFrame& frame, LastSequences& last_sequences) {
  if (!HoldsRecords(frame.kind) || frame.records == 0) return;
  std::uint64_t& last = last_sequences[frame.source_uid];
  last = std::max(last, frame.first_sequence + frame.records - 1);
}

bool IsFlushed(SourceUid source, std::uint64_t last_sequence, const FlushedSequenceFn& flushed) {
  const std::optional<std::uint64_t> up_to = flushed(source);
  return !up_to || *up_to >= last_sequence;
}

std::vector<WalFileChoice> PickDroppable(const ClosedWalFiles& closed,
                                         const FlushedSequenceFn& flushed,
                                         const WalRetention& retention, std::int64_t now_us,
                                         std::uint64_t current_bytes) {
  std::vector<WalFileChoice> choices;
  std::uint64_t kept_bytes = current_bytes;
  for (std::size_t i = closed.size(); i-- > 0;) {
    const ClosedWalFile& file = *closed[i];
    const std::int64_t age_us = now_us - file.closed_us;
    const bool too_old = age_us >= retention.age_us;
    const bool no_room = kept_bytes + file.disk_bytes > retention.log_bytes;
    if ((!too_old && !no_room) || file.damaged || !NobodyNeeds(file, flushed)) {
      kept_bytes += file.disk_bytes;
      continue;
    }
    choices.push_back(
        {file.number, too_old ? fmt::format("flushed, closed {} s ago", age_us / 1'000'000)
                              : fmt::format("flushed, {} newer bytes of log", kept_bytes)});
  }
  std::reverse(choices.begin(), choices.end());
  return choices;
}

std::vector<SourceUid> PickLaggards(const ClosedWalFiles& closed,
                                    const FlushedSequenceFn& flushed) {
  std::vector<SourceUid> laggards;
  std::unordered_set<SourceUid> seen;
  for (const auto& file : closed) {
    const std::size_t of_older_files = laggards.size();
    for (const auto& [source, last_sequence] : file->last_sequences) {
      if (IsFlushed(source, last_sequence, flushed)) continue;
      if (seen.insert(source).second) laggards.push_back(source);
    }
    std::sort(laggards.begin() + static_cast<std::ptrdiff_t>(of_older_files), laggards.end());
  }
  return laggards;
}

}  // namespace granary::storage
