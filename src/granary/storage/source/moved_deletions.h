// What was deleted of files while they were merged: the same rows in the new files.
//
// How        rows are known by their sequences, which a merge keeps.
// Threads    pure functions; they read files.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/source/segment.h"

namespace granary::storage {

/// Calls `visit` with the position and the sequence of each row of a segment, in order. The
/// segment's and `visit`'s errors.
Status ForEachSequence(const Segment& segment,
                       const std::function<void(std::uint32_t row, std::uint64_t sequence)>& visit);

/// By sequence, the moments of the rows that `now` lacks and `then`, the same file before, has.
Status CollectDeletedSince(const Segment& then, const Segment& now,
                           std::unordered_map<std::uint64_t, std::uint64_t>& moments);

/// The rows of `segment` whose sequences are among `moments`.
Result<std::vector<EndedRow>> FindSequences(
    const Segment& segment, const std::unordered_map<std::uint64_t, std::uint64_t>& moments);

}  // namespace granary::storage
