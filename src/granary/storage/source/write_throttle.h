// ThrottleWrites: what the files that wait to be merged mean for those who write.
//
// Slowed     from slow_files on, a little at first and by delay_max just below stop_files, by the
//            square of how far it has come.
// Refused    from stop_files on. Who only reads is never touched.
// Pure       no clock, no disk, no chance.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "granary/storage/source/compaction_policy.h"

namespace granary::storage {

struct DebtLimits {
  std::uint64_t slow_files = 1'000;            ///< COMPACTION_DEBT_SLOW_FILES.
  std::uint64_t stop_files = 4'000;            ///< COMPACTION_DEBT_MAX_FILES.
  std::chrono::milliseconds delay_max{1'000};  ///< COMPACTION_DELAY_MAX_MS.
};

/// What becomes of a write.
struct WriteThrottle {
  std::chrono::microseconds delay{0};
  bool refused = false;
  std::string reason;  ///< One sentence, always.

  bool is_free() const { return !refused && delay.count() == 0; }
};

WriteThrottle ThrottleWrites(const CompactionDebt& debt, const DebtLimits& limits);

}  // namespace granary::storage
