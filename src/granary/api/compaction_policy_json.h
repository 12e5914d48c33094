// CompactionPolicy: what the Metadata Catalog says of merging, over a node's own settings; as the
// body of a request and as part of the answer that a node gets.
//
//   {"enabled": true, "interval_minutes": 60, "min_file_size_mb": 50, "target_file_size_mb": 256,
//    "max_file_size_mb": 512, "window": "22:00-06:00"}
//
// Threads    values; pure functions.
#pragma once

#include <optional>
#include <string>

#include "granary/api/object_reader.h"
#include "granary/base/status.h"

namespace granary::api {

/// What is absent stays as it is further down. Meanings and bounds are those of the variables
/// AUTO_COMPACTION_ENABLED, COMPACTION_INTERVAL_MINUTES (fractions too), MIN_, TARGET_ and
/// MAX_FILE_SIZE_MB, COMPACTION_WINDOW (empty: always).
struct CompactionPolicy {
  std::optional<bool> enabled;
  std::optional<double> interval_minutes;
  std::optional<double> min_file_size_mb, target_file_size_mb, max_file_size_mb;
  std::optional<std::string> window;

  bool operator==(const CompactionPolicy&) const = default;
};

inline constexpr double kIntervalMinutesMin = 0.01, kIntervalMinutesMax = 525'600;
inline constexpr double kPolicyMegabytesMax = 1 << 30;

/// All members of `object`. kInvalidRequest and kUnknownMember with the pointer, also for sizes that
/// are not in order.
Result<CompactionPolicy> ReadCompactionPolicy(const JsonNode& object, const std::string& pointer);
/// The members that are there.
void AppendCompactionPolicy(const CompactionPolicy& policy, std::string& out);

/// `upper` where it says something, else `lower`.
CompactionPolicy Over(const CompactionPolicy& upper, const CompactionPolicy& lower);

}  // namespace granary::api
