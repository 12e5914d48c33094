// Tiers: where the records of one source are: segments, rows that a flush is moving, rows still
// open.
//
// Promise    at any moment each visible record is in exactly one of them, and View sees one moment.
//            What it shows shrinks by deletions alone.
// Compacted  segments that were replaced stay here, apart from the live ones, for snapshots that
//            began before, until TakeRetired.
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
#include "granary/storage/manifest/manifest.h"
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
  std::uint64_t generation = 0;          ///< Compactions so far.
  std::uint64_t forgotten_sequence = 0;  ///< Snapshots of before cannot be had again.
};

/// What of the past is gone.
struct TiersPast {
  std::uint64_t delete_sequence = 0;  ///< The last moment at which rows were deleted.
  std::uint64_t forgotten_generation = 0;
  std::uint64_t forgotten_sequence = 0;
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
  /// `segments` are live or retired. `budget` must outlive this.
  Tiers(HotBudget& budget, Segments segments, std::uint64_t flushed_sequence, TiersPast past = {});
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
  /// The same records, those in segments by the segments that were live after so many compactions
  /// (besides those that came since); nothing when some of those are gone.
  std::optional<TierView> ViewOf(std::uint64_t generation) const;
  /// Live ones; without a look at hot rows.
  std::shared_ptr<const Segments> segments() const;
  std::uint64_t visible_sequence() const;
  std::uint64_t flushed_sequence() const;
  HotCounts counts() const;

  /// Closes the open hot tier and returns all rows that are sealed by now, also of a flush that
  /// failed.
  SealedRows Seal();
  /// kFlushed: no row is hot, nor will one with a lower sequence be.
  enum class Below : std::uint8_t { kMayBeHot, kFlushed };
  /// Makes the records of a bulk visible, `last_sequence` being the highest of them; `changed` take
  /// the places of those with their ids.
  void AddBulk(Segments added, std::uint64_t last_sequence, Below below,
               const Segments& changed = {});
  /// Makes a commit of deletions visible; `sequence` is their moment.
  void Delete(const DeleteChanges& deletes, std::uint64_t sequence, Below below);
  /// Ends a flush: all sealed rows are in `added`; `changed` take the places of those with their
  /// ids.
  void Swap(Segments added, std::uint64_t flushed_sequence, const Segments& changed = {});
  void Forget(std::uint64_t sequence);  ///< Moments of before cannot be told apart any more.
  /// Puts `segment` in the place of the one with its id, if that is still there.
  void Replace(std::shared_ptr<const Segment> segment);

  /// The number of the next compaction.
  std::uint64_t next_generation() const;
  /// Ends a compaction: `added` hold exactly the rows of `replaced` that are not deleted.
  void Compact(Segments added, const std::vector<SegmentId>& replaced, std::uint64_t generation,
               std::int64_t retired_us);
  /// Retired before `before_us` and read by nobody: the caller's to put back or to forget for good.
  Segments TakeRetired(std::int64_t before_us);
  Segments TakeAllRetired();  ///< Whoever reads them.
  void PutBackRetired(Segments segments);
  /// Retired ones, for sweeping and counting.
  Segments retired() const;

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
  Segments retired_;
  std::uint64_t generation_ = 0;
  std::vector<Tier> sealed_;
  Tier open_;
  std::uint64_t visible_sequence_;
  std::uint64_t flushed_sequence_;
  TiersPast past_;
  std::uint64_t bulks_ = 0;  // Of records or deletions, that came since this was made.
};

}  // namespace granary::storage
