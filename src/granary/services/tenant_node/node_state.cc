#include "granary/services/tenant_node/node_state.h"

#include <utility>

namespace granary::services {

Result<std::shared_ptr<Tenant>> TenantDoor::Get() const {
  const std::lock_guard lock(mutex_);
  if (tenant_ == nullptr) return why_not_;
  return tenant_;
}

void TenantDoor::Open(std::shared_ptr<Tenant> tenant) {
  const std::lock_guard lock(mutex_);
  tenant_ = std::move(tenant);
}

std::shared_ptr<Tenant> TenantDoor::Close(Status reason) {
  const std::lock_guard lock(mutex_);
  why_not_ = std::move(reason);
  return std::exchange(tenant_, nullptr);
}

NodeState::NodeState(const Config& node_config, Logger& logger, const io::Clock& node_clock,
                     const ProcessMemory& node_memory, io::FileSystem& files)
    : config(node_config),
      limits{.depth_max = static_cast<std::size_t>(node_config.max_json_depth),
             .page_records_max = static_cast<std::uint64_t>(node_config.max_page_records)},
      paths(node_config, files),
      log(logger),
      clock(node_clock),
      memory(node_memory),
      started_ns(node_clock.MonotonicNanos()),
      metrics(NodeVersion(), {{"tenant_id", node_config.tenant_id}}),
      rows_written(
          metrics.NewCounter("granary_rows_written_total", "Records acknowledged by this process")),
      rows_returned(metrics.NewCounter("granary_rows_returned_total", "Records and groups sent")) {}

std::int64_t RetryAfterSeconds(const NodeState& state, const Status& status, Awaited awaited) {
  if (status.code() != Code::kOverloaded) return 1;
  const auto tenant = state.tenant.Get();
  if (!tenant.ok()) return 1;
  return awaited == Awaited::kMerges ? (*tenant)->store().compaction_totals().retry_after_seconds
                                     : (*tenant)->admission().retry_after_seconds;
}

std::string_view NodeVersion() { return GRANARY_VERSION; }

}  // namespace granary::services
