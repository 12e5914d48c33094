// TopRows: the best rows of an ordered search that were met so far.
//
// How        rows are kept until there are twice as many as wanted, then the worse half goes; its
//            best one is a ceiling that most later rows are refused by, looking only at eight bytes
//            of their key.
// Threads    one writer; the ceiling is shared by all.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"

namespace granary::query {

struct RankedRow {
  std::uint64_t prefix = 0;  ///< See SortPrefixes.
  std::string key;           ///< Unique: ends in the sequence and the source.
  std::uint32_t morsel = 0;
  std::int32_t row = 0;  ///< In the morsel.

  bool operator<(const RankedRow& other) const {
    return prefix != other.prefix ? prefix < other.prefix : key < other.key;
  }
};

/// Above it no row can be among the best of all. Only goes down.
class SharedCeiling {
 public:
  std::uint64_t prefix() const { return prefix_.load(std::memory_order_relaxed); }
  void LowerTo(std::uint64_t prefix);

 private:
  std::atomic<std::uint64_t> prefix_{std::numeric_limits<std::uint64_t>::max()};
};

class TopRows {
 public:
  /// Without `wanted` all rows are kept.
  TopRows(std::optional<std::uint64_t> wanted, SharedCeiling& ceiling)
      : wanted_(wanted), ceiling_(ceiling) {}

  bool Refuses(std::uint64_t prefix) const { return prefix > ceiling_.prefix(); }
  void Add(RankedRow row);
  std::vector<RankedRow> Take() && { return std::move(rows_); }
  std::size_t size() const { return rows_.size(); }
  /// About the memory that the rows take.
  std::uint64_t bytes() const { return rows_.capacity() * sizeof(RankedRow) + key_bytes_; }

 private:
  std::optional<std::uint64_t> wanted_;
  SharedCeiling& ceiling_;
  std::vector<RankedRow> rows_;
  std::uint64_t key_bytes_ = 0;  ///< On the heap.
};

/// The best of `all`, in order; takes them out. Looks at `cancel` every few milliseconds.
Result<std::vector<RankedRow>> BestOf(std::vector<RankedRow>& all,
                                      std::optional<std::uint64_t> wanted,
                                      const runtime::CancelToken& cancel);

}  // namespace granary::query
