// LiveSource: estimates of its columns, made anew in the background.
#include "granary/storage/source/live_source.h"

namespace granary::storage {

std::shared_ptr<const SourceEstimates> LiveSource::estimates() const {
  const std::lock_guard lock(state_mutex_);
  return estimates_;
}

EstimatesAge LiveSource::estimates_age() const {
  const auto known = estimates();
  const std::uint64_t visible = tiers_.visible_sequence();
  const EstimatesBasis& then = estimated_;
  EstimatesAge age{.exists = known != nullptr, .made_us = then.made_us};
  age.records_since = visible - then.visible_sequence;
  age.changed = age.records_since > 0;
  if (known == nullptr) return age;
  age.rows = known->rows;
  age.changed = age.changed || tiers_.flushed_sequence() != then.flushed_sequence ||
                tiers_.next_generation() != then.generation ||
                shape().schema->version() != then.schema_version;
  return age;
}

void LiveSource::RefreshEstimates() {
  // What comes meanwhile counts as a change of later.
  EstimatesBasis basis{.made_us = context_->NowMicros(),
                       .generation = tiers_.next_generation(),
                       .schema_version = shape().schema->version()};
  const TierView view = tiers_.View();
  basis.visible_sequence = view.visible_sequence;
  basis.flushed_sequence = view.flushed_sequence;
  auto made = MakeEstimates(view, *shape().schema, context_->deps.clock.WallMicros());
  for (const auto& [column, estimator] : made->columns) {
    if (estimator.distrusted().empty()) continue;
    context_->deps.log.Warn(
        "statistics are not believed",
        {{"source", id().str()}, {"column", column}, {"reason", estimator.distrusted()}});
  }
  estimated_ = basis;
  const std::lock_guard lock(state_mutex_);
  estimates_ = std::move(made);
}

}  // namespace granary::storage
