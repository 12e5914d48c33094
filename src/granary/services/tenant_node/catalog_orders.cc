#include "granary/services/tenant_node/catalog_orders.h"

namespace granary::services {
namespace {

storage::CompactionJob FailedJob(const SourceId& source, const Status& why) {
  storage::CompactionJob job;
  job.source = source;
  job.state = storage::JobState::kFailed;
  job.failure = why;
  return job;
}

}  // namespace

void CatalogOrders::Start(const std::vector<api::CompactionOrder>& orders) {
  for (const api::CompactionOrder& order : orders) {
    if (jobs_.contains(order.id)) continue;
    const Result<storage::CompactionJob> job =
        store_.Compact(order.source, order.all ? storage::CompactionWish::kAll
                                               : storage::CompactionWish::kWhatPays);
    jobs_[order.id] = job.ok() ? *job : FailedJob(order.source, job.status());
  }
}

// A job that ended long ago is not known any more; then its end was told, or is told as a failure.
std::vector<api::CompactionProgress> CatalogOrders::Report() const {
  std::vector<api::CompactionProgress> out;
  for (const auto& [id, started] : jobs_) {
    if (storage::HasEnded(started.state)) {
      out.push_back({id, started});
      continue;
    }
    const Result<storage::CompactionJob> now = store_.Job(started.id);
    out.push_back({id, now.ok() ? *now : FailedJob(started.source, now.status())});
  }
  return out;
}

void CatalogOrders::Heard(const std::vector<api::CompactionProgress>& reported) {
  for (const api::CompactionProgress& one : reported) {
    if (storage::HasEnded(one.job.state)) jobs_.erase(one.id);
  }
}

}  // namespace granary::services
