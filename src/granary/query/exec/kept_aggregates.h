// KeptAggregates: what aggregates found in whole segments, within a budget of bytes, so that a
// question that is asked again costs only what is new since.
//
// Key        what is asked (FingerprintOfStates), in which types, and of which sources, in which
//            version of their schemas.
// Entry      the states of all groups over a set of segments. Segments never change but by their
//            deleted rows, so it is right as long as all of them are live with the same rows
//            deleted, and then lacks only the other ones and the hot rows.
// Answers    are those of a fresh run but for the order in which floats were added up (the sums
//            carry their rounding errors along, so that is a matter of the last digit) and, where
//            nothing orders groups, the order in which they were met.
// Order      the most recently used stay; an entry over a quarter of the budget is not kept.
// Threads    fully safe. Entries are immutable.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "granary/base/hash.h"
#include "granary/base/ids.h"
#include "granary/runtime/memory_budget.h"

namespace granary::query {

class AggregateTable;

/// A segment without the rows that were deleted up to a moment.
struct KeptSegment {
  SegmentId id;
  std::uint64_t deletion_mark = 0;  ///< storage::Segment::DeletionMark.
  auto operator<=>(const KeptSegment&) const = default;
};

struct KeptAggregate {
  std::vector<KeptSegment> segments;            ///< Ascending.
  std::shared_ptr<const AggregateTable> table;  ///< Settled.
};

struct KeptAggregatesOptions {
  std::uint64_t bytes_max = 64u << 20;  ///< PARTIAL_CACHE_MB; 0: nothing is kept.
  /// Fewer rows than that are read again as fast as their states are merged.
  std::int64_t rows_min = 20'000;
};

class KeptAggregates {
 public:
  /// `parent`, when there is one, counts what is held here and outlives this; what it is asked for
  /// beyond its limit is taken from here first.
  explicit KeptAggregates(KeptAggregatesOptions options, runtime::MemoryBudget* parent = nullptr);
  ~KeptAggregates();

  const KeptAggregatesOptions& options() const { return options_; }

  /// Null when there is none whose segments are all among `live` (ascending).
  std::shared_ptr<const KeptAggregate> Find(const Digest128& key,
                                            const std::vector<KeptSegment>& live);
  /// In place of what was there under that key.
  void Keep(const Digest128& key, KeptAggregate aggregate);

  std::uint64_t bytes() const;

 private:
  struct Entry {
    Digest128 key;
    std::shared_ptr<const KeptAggregate> aggregate;
    std::uint64_t bytes = 0;
  };
  using Entries = std::list<Entry>;  // The most recently used first.
  struct KeyHash {
    std::size_t operator()(const Digest128& key) const { return key.low; }
  };

  void Erase(Entries::iterator entry, Entries& dropped);
  /// Drops the oldest until `bytes` are free; returns how many that made.
  std::uint64_t GiveBack(std::uint64_t bytes);

  const KeptAggregatesOptions options_;
  mutable std::mutex mutex_;
  Entries entries_;
  std::unordered_map<Digest128, Entries::iterator, KeyHash> by_key_;
  std::uint64_t bytes_ = 0;
  runtime::MemoryBudget budget_;
  std::optional<runtime::MemoryBudget::Reclaimer> reclaimer_;
};

}  // namespace granary::query
