// Replay: what the lanes hold, put back into the hot tiers, and the judgement of what they lost.
//
// Promise    a frame counts once: what is flushed, or belongs to a source that is gone, is passed
//            over; so replay may be cut off and repeated at any point. Within the rows' own memory
//            it needs room for one frame.
// Damage     a source that lost records, or may have, is refused: its calls give kCorruption with
//            file and offset. That is so when a damaged frame names it, and when a frame whose
//            owner is unreadable lies behind its last whole frame or where its sequence has a gap.
//            The others serve.
// Threads    one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/log_damage.h"
#include "granary/storage/source/store_context.h"
#include "granary/storage/wal/wal_damage.h"
#include "granary/storage/wal/wal_frame.h"

namespace granary::storage {

class Replay {
 public:
  Replay(StoreContext& context, const std::vector<std::shared_ptr<LiveSource>>& sources);

  /// Fails only when going on makes no sense (no memory, a disk that refuses).
  Status Apply(const WalFrame& frame, std::uint32_t lane);
  /// After a lane was opened: refuses the sources that its damage reaches.
  Status Judge(std::uint32_t lane, const std::string& lane_directory,
               const std::vector<WalDamage>& damage);

  std::uint64_t frames() const { return frames_; }
  std::uint64_t records() const { return records_; }
  /// Sources of other tenants, or of another life of the manifest, whose frames must not be
  /// collected.
  const std::set<SourceUid>& strangers() const { return strangers_; }

 private:
  struct Progress {
    std::shared_ptr<LiveSource> source;
    std::uint64_t last_sequence = 0;  ///< Flushed or replayed.
    /// Records first … last are in no frame and no segment.
    struct Gap {
      std::uint64_t first = 0;
      std::uint64_t last = 0;
    };
    std::vector<Gap> gaps;
    /// Records that never were in the log, since they are in segments.
    std::vector<SequenceRange> bulks;
  };

  Status Place(const WalFrame& frame, Progress& progress);
  static void AddGaps(Progress& progress, std::uint64_t first, std::uint64_t last);
  Status RelieveMemory(Progress& progress);
  std::string Verdict(const Progress& progress, const LogDamage& log) const;

  StoreContext& context_;
  std::map<SourceUid, Progress> sources_;
  std::set<SourceUid> strangers_;
  std::uint64_t frames_ = 0;
  std::uint64_t records_ = 0;
};

}  // namespace granary::storage
