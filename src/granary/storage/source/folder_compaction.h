// PlanFolderCompaction: what a compaction would do to a source of a data folder that no node
// serves.
//
// Promise    takes the folder's lock, and changes nothing besides what FolderCheck may.
// Errors     kNotFound for no data folder, no such source; kInvalidArgument where several tenants
//            have one; kConflict for a folder that a node serves.
// Threads    one.
#pragma once

#include <string>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/storage/source/compaction_policy.h"
#include "granary/storage/source/store.h"

namespace granary::storage {

Result<CompactionPlan> PlanFolderCompaction(io::FileSystem& files, const io::Clock& clock,
                                            const std::string& root, const SourceId& source,
                                            const CompactionOptions& options, CompactionWish wish);

}  // namespace granary::storage
