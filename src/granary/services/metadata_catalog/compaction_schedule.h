// PickDueCompactions: which sources are to be compacted now because their interval is over.
//
// Rules      the node is heard of, its statistics say that merges pay, policy and hours allow it,
//            nothing of the source waits or runs, and its interval is over since it was compacted
//            last. Those that are late by most intervals come first; never more than there is room
//            for.
// Pure       no clock, no database, no chance.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "granary/api/compaction_policy_json.h"

namespace granary::catalog {

/// What the schedule looks at of a source.
struct ScheduledSource {
  std::string tenant, source;
  api::CompactionPolicy policy;  ///< Whole: the node's own settings are the least of it.
  bool node_is_heard = false;
  bool is_open = false;      ///< A compaction of it waits or runs.
  std::int64_t last_us = 0;  ///< When one ended, or when the source was first told of.
  std::uint64_t merges = 0;  ///< That would pay, as its node said last,
  std::int64_t told_us = 0;  ///< which was then.
};

struct DueCompaction {
  std::string tenant, source;
  std::string reason;  ///< One sentence.
  bool operator==(const DueCompaction&) const = default;
};

std::vector<DueCompaction> PickDueCompactions(std::span<const ScheduledSource> sources,
                                              std::int64_t now_us, std::size_t room);

}  // namespace granary::catalog
