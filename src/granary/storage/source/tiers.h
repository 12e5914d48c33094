// Tiers: where the records of one source are: segments, rows that a flush is moving, rows still
// open.
//
// Promise    at any moment each visible record is in exactly one of them, and View sees one moment.
//            What it shows never shrinks.
// Shape      segments | sealed hot tiers, oldest first | the open hot tier. Sealing moves the open
//            one to the sealed ones; Swap takes the sealed rows out and puts their segments in, in
//            one step.
// Threads    View and the counters from any thread; Append, Seal and Swap from any thread too, but
//            only one flush (Seal … Swap) at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/memtable/memtable.h"
#include "granary/storage/source/hot_budget.h"
#include "granary/storage/source/segment.h"

namespace granary::storage {

using Segments = std::vector<std::shared_ptr<const Segment>>;

/// Every record of a source at one moment.
struct TierView {
  Segments segments;          ///< By min_sequence.
  std::vector<HotChunk> hot;  ///< Oldest first.
  std::uint64_t visible_sequence = 0;
  std::uint64_t flushed_sequence = 0;
};

/// What a flush has to move.
struct SealedRows {
  std::vector<HotChunk> chunks;  ///< Oldest first.
  std::uint64_t rows = 0;
  std::uint64_t last_sequence = 0;
};

struct HotCounts {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t log_bytes = 0;  ///< Of the frames that carry the rows.
  std::uint64_t log_start = 0;  ///< Where in its lane the oldest of them began (see Append).
  std::int64_t since_us = 0;    ///< When the oldest of them came in; meaningless without rows.
};

class Tiers {
 public:
  /// `budget` must outlive this.
  Tiers(HotBudget& budget, Segments segments, std::uint64_t flushed_sequence);
  ~Tiers();

  /// Where the rows come from, for the counts.
  struct Origin {
    std::int64_t now_us = 0;
    std::uint64_t log_bytes = 0;
    std::uint64_t log_start = 0;
  };
  /// Makes the batch visible. Fails as Memtable::Append does, changing nothing.
  Status Append(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                std::uint64_t first_sequence, const Origin& origin);

  TierView View() const;
  std::uint64_t visible_sequence() const;
  std::uint64_t flushed_sequence() const;
  HotCounts counts() const;

  /// Closes the open hot tier and returns all rows that are sealed by now, also of a flush that
  /// failed.
  SealedRows Seal();
  /// Makes the records of a bulk visible, `last_sequence` being the highest of them. `flushed` when
  /// no row is hot, nor will one with a lower sequence be.
  enum class Below : std::uint8_t { kMayBeHot, kFlushed };
  void AddBulk(Segments added, std::uint64_t last_sequence, Below below);
  /// Ends a flush: all sealed rows are in `added`.
  void Swap(Segments added, std::uint64_t flushed_sequence);
  /// Puts `segment` in the place of the one with its id, if that is still there.
  void Replace(std::shared_ptr<const Segment> segment);

 private:
  struct Tier {
    std::shared_ptr<Memtable> rows;
    std::vector<HotChunk> chunks;  // Once sealed.
    HotCounts counts;
  };

  HotBudget& budget_;
  std::mutex append_mutex_;   // Held while rows go in; taken before mutex_.
  mutable std::mutex mutex_;  // Guards what follows.
  std::shared_ptr<const Segments> segments_;
  std::vector<Tier> sealed_;
  Tier open_;
  std::uint64_t visible_sequence_;
  std::uint64_t flushed_sequence_;
  std::uint64_t bulks_ = 0;  // That came since this was made.
};

}  // namespace granary::storage
