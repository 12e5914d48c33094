#include "granary/storage/source/source_estimates.h"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/storage/source/source_stats.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::storage {

std::shared_ptr<const SourceEstimates> MakeEstimates(const TierView& view, const Schema& schema,
                                                     std::int64_t wall_us) {
  auto made = std::make_shared<SourceEstimates>();
  made->made_us = wall_us;
  made->schema_version = schema.version();
  for (const auto& segment : view.segments) made->rows += segment->meta().rows;
  for (const HotChunk& chunk : view.hot)
    made->rows += static_cast<std::uint64_t>(chunk.batch->num_rows());
  const ColumnStatsMap segments = MergeSegmentStats(view.segments, schema);
  for (const auto& [id, hot] : CollectHotStats(view.hot, schema)) {
    made->columns.emplace(id, ColumnEstimator(MergeStats(segments.at(id), hot)));
  }
  return made;
}

std::string WhyRefresh(const EstimatesAge& age, std::int64_t now_us, std::int64_t interval_us) {
  if (!age.changed) return "";
  if (!age.exists) return "there are none yet";
  const std::int64_t old_us = now_us - age.made_us;
  if (old_us >= interval_us) return "the interval is over";
  if (age.records_since >= kGrownRows + age.rows / 10 && old_us >= kRefreshLeastUs)
    return fmt::format("{} records came to {}", age.records_since, age.rows);
  return "";
}

}  // namespace granary::storage
