// PickCompactions: which files of a source are worth merging, and why; and why the others are not.
//
// Rules      per partition, since files of two are never merged:
//            - small files (below min_bytes, or three quarters of what a whole file is) go by size
//              tiers: the smallest ones are merged once together they are `growth` times the
//              largest of them (nearly), or make a file that is not small any more. So a byte is
//              written again at most log_growth(min_bytes / flush) times and once more. Where
//              nothing came for `settle_age_us`, or there are more than small_files_max,
//              `settled_growth` will do;
//            - files of which a part of the rows (deleted_part) is deleted, and at once those of
//              which nothing is left;
//            - files that overlap in the first sort column more than `overlap_max` deep;
//            - whole files in an older schema, once they are schema_age_us old.
//            kAll, somebody's request, merges whatever is not whole, has deleted rows, or is of an
//            older schema.
// Pure       no clock, no disk, no chance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/ids.h"
#include "granary/types/value.h"

namespace granary::storage {

/// What the policy looks at of a live file.
struct CompactionFile {
  SegmentId id;
  std::string partition;  ///< Equal for files of one partition.
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  std::uint64_t deleted_rows = 0;  ///< Of those.
  std::int64_t created_us = 0;
  std::uint32_t schema_version = 0;
  /// Bounds of the first sort column; null where they are not known.
  Value low, high;
  std::string kept_out;  ///< Why it cannot be merged now; empty when it can.
};

struct CompactionLimits {
  std::uint64_t min_bytes = 50u << 20;        ///< MIN_FILE_SIZE_MB.
  std::uint64_t target_bytes = 256u << 20;    ///< TARGET_FILE_SIZE_MB: a whole file.
  std::uint64_t rows_max = UINT64_MAX;        ///< A file of so many is whole, too.
  std::uint64_t inputs_bytes_max = 1u << 30;  ///< Of one merge.
  std::uint32_t growth = 4;
  std::uint32_t settled_growth = 2;
  std::int64_t settle_age_us = 3600ll * 1'000'000;
  std::size_t small_files_max = 24;  ///< In a partition.
  std::size_t overlap_max = 8;
  std::uint64_t deleted_part = 5;  ///< One row in so many is worth rewriting a file.
  std::int64_t schema_age_us = 24ll * 3600 * 1'000'000;
  std::uint32_t schema_version = 0;  ///< The newest.
};

enum class CompactionWish : std::uint8_t {
  kWhatPays,  ///< In the background.
  kAll,       ///< By request.
};

/// Files to merge.
struct CompactionChoice {
  std::string partition;
  std::vector<SegmentId> inputs;  ///< By size, or by bounds.
  std::uint64_t bytes = 0;
  std::string reason;  ///< One sentence.
};

/// Files that stay as they are.
struct CompactionRest {
  std::string partition;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::string reason;
};

/// Small files beyond small_files_max in their partition, over all partitions: what merging, were
/// it quick enough, would not leave. So a source with a few files in each of many partitions owes
/// nothing; nor does one for files that cannot be merged.
struct CompactionDebt {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  ///< Of all small files of those partitions.
  std::uint64_t partitions = 0;
  bool operator==(const CompactionDebt&) const = default;
};

struct CompactionPlan {
  std::vector<CompactionChoice> choices;  ///< One a partition; those with the most files first.
  std::vector<CompactionRest> rest;       ///< By partition.
  CompactionDebt debt;
  std::string writers;  ///< What the debt means for those who write; a sentence.
  std::string hours;    ///< When merges are made that nobody asked for; a sentence.
};

CompactionDebt DebtOf(const std::vector<CompactionFile>& files, const CompactionLimits& limits);

/// All but `writers` and `hours`.
CompactionPlan PickCompactions(const std::vector<CompactionFile>& files,
                               const CompactionLimits& limits, std::int64_t now_us,
                               CompactionWish wish);

}  // namespace granary::storage
