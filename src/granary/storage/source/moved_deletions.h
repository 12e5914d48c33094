// What was deleted of files while they were merged: the same rows in the new files.
//
// How        rows are known by their sequences, which a merge keeps. Follow is called without a
//            lock while much was deleted, and once more under the lock of flushes for what came
//            since: so that is little, however much was deleted.
// Memory     what a call holds is reserved before it is read.
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/memory_budget.h"
#include "granary/storage/source/segment.h"
#include "granary/storage/source/tiers.h"

namespace granary::storage {

/// Calls `visit` with the position and the sequence of each row of a segment, in order. The
/// segment's and `visit`'s errors.
Status ForEachSequence(const Segment& segment,
                       const std::function<void(std::uint32_t row, std::uint64_t sequence)>& visit);

/// The rows of `segment` whose sequences are among `moments`.
Result<std::vector<EndedRow>> FindSequences(
    const Segment& segment, const std::unordered_map<std::uint64_t, std::uint64_t>& moments);

class MovedDeletions {
 public:
  /// Bytes that a deleted row takes: by its sequence while it is looked for, and where it was
  /// found.
  static constexpr std::uint64_t kRowBytes = 96;

  /// `inputs` as they were merged; `memory` outlives it.
  MovedDeletions(Segments inputs, runtime::MemoryReservation& memory)
      : seen_(std::move(inputs)), memory_(memory) {}

  /// Finds in `made`, always the same files, what `live` lacks of the inputs and the last call did
  /// not. How many rows that were. kOverloaded when there is no memory for them.
  Result<std::uint64_t> Follow(const Segments& live, const Segments& made);
  /// The rows that are deleted in made[file], in any order; empty from then on.
  std::vector<EndedRow> Take(std::size_t file);

 private:
  Status Reserve(std::uint64_t rows);

  Segments seen_;
  runtime::MemoryReservation& memory_;
  std::uint64_t found_ = 0;
  std::vector<std::vector<EndedRow>> ended_;  // Of each made file.
};

}  // namespace granary::storage
