// Both locks of a source, for who adds rows to segments from elsewhere or replaces segments.
#pragma once

#include <mutex>

#include "granary/storage/source/live_source.h"

namespace granary::storage {

struct LiveSource::QuietLocks {
  std::unique_lock<std::mutex> write;
  std::unique_lock<std::mutex> flush;
};

/// What a flush replaces.
struct LiveSource::FlushedKeys {
  DeleteChanges changes;
  Segments changed;  ///< Live ones as they are then.
};

}  // namespace granary::storage
