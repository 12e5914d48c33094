// SourceEstimates: the merged statistics of a source's columns, ready to be asked by the optimizer.
//
// Place      made in the background (maintenance.h) when WhyRefresh says so, never by a query; a
//            snapshot carries the newest there is, so reading it takes no lock. It may be older
//            than the snapshot: `rows` are those that it was made of.
// Cost       of making: the statistics of all segments and a pass over the hot rows.
// Threads    immutable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "granary/storage/source/tiers.h"
#include "granary/storage/stats/column_estimator.h"
#include "granary/types/schema.h"

namespace granary::storage {

struct SourceEstimates {
  std::int64_t made_us = 0;  ///< By the wall clock, in microseconds since 1970.
  std::uint64_t rows = 0;    ///< In files and hot, deleted ones among them.
  std::uint32_t schema_version = 0;
  std::map<ColumnId, ColumnEstimator> columns;

  /// Null for a column that came later, or is none.
  const ColumnEstimator* Find(ColumnId column) const {
    const auto found = columns.find(column);
    return found == columns.end() ? nullptr : &found->second;
  }
};

std::shared_ptr<const SourceEstimates> MakeEstimates(const TierView& view, const Schema& schema,
                                                     std::int64_t wall_us);

/// Where a source stands.
struct EstimatesAge {
  bool exists = false;
  std::int64_t made_us = 0;         ///< By the clock of `now_us` below.
  std::uint64_t rows = 0;           ///< That they were made of.
  std::uint64_t records_since = 0;  ///< Sequences since; a delete takes one.
  bool changed = false;             ///< Anything: records, files, the schema.
};

/// Why estimates are to be made anew, for the log; empty when they need not. Pure.
///   none yet          as soon as there is a record
///   grown             by kGrownRows and a tenth, at most once in kRefreshLeastUs
///   the interval      STATISTICS_REFRESH_INTERVAL_MINUTES, if anything changed
/// Source: threshold and share as PostgreSQL's autovacuum_analyze_threshold and _scale_factor.
std::string WhyRefresh(const EstimatesAge& age, std::int64_t now_us, std::int64_t interval_us);

inline constexpr std::uint64_t kGrownRows = 50;
inline constexpr std::int64_t kRefreshLeastUs = 10'000'000;

}  // namespace granary::storage
