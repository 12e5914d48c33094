#include "granary/services/tenant_node/node_state.h"

#include <utility>

#include "granary/base/check.h"

namespace granary::services {

namespace {

// Of many none is the node's own.
hosting::Metrics::Labels LabelsOf(const Config& config) {
  if (config.node_capacity > 1) return {};
  return {{"tenant_id", config.tenant_id}};
}

const std::string& NamedBy(const std::shared_ptr<const void>& who) {
  GRANARY_CHECK(who != nullptr, "a request without access asked for a tenant");
  return static_cast<const Visitor*>(who.get())->tenant;
}

}  // namespace

Result<std::shared_ptr<Tenant>> TenantOf(NodeState& state, const hosting::RouteCall& call) {
  GRANARY_ASSIGN(auto tenant, state.tenants->Get(NamedBy(call.who), call.request.cancel));
  tenant->traffic().CountRequest();
  return tenant;
}
Result<std::shared_ptr<Tenant>> TenantOf(NodeState& state, const hosting::GrpcMethodCall& call) {
  GRANARY_ASSIGN(auto tenant, state.tenants->Get(NamedBy(call.who), call.call.cancel));
  tenant->traffic().CountCall();
  return tenant;
}
Result<std::shared_ptr<Tenant>> OpenTenantOf(NodeState& state, const hosting::RouteCall& call) {
  return state.tenants->Find(NamedBy(call.who));
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
      metrics(NodeVersion(), LabelsOf(node_config)),
      rows_written(
          metrics.NewCounter("granary_rows_written_total", "Records acknowledged by this process")),
      rows_returned(metrics.NewCounter("granary_rows_returned_total", "Records and groups sent")) {}

void CountWritten(NodeState& state, Tenant& tenant, std::uint64_t rows) {
  state.rows_written.Add(rows);
  tenant.traffic().CountWritten(rows);
}

void CountReturned(NodeState& state, Tenant& tenant, std::uint64_t rows) {
  state.rows_returned.Add(rows);
  tenant.traffic().CountReturned(rows);
}

std::int64_t RetryAfterSeconds(const NodeState& state, const Status& status, Awaited awaited) {
  if (status.code() != Code::kOverloaded || !state.tenants->is_alone()) return 1;
  const auto tenant = state.tenants->Find(state.config.tenant_id);
  if (!tenant.ok() || *tenant == nullptr) return 1;
  return awaited == Awaited::kMerges ? (*tenant)->store().compaction_totals().retry_after_seconds
                                     : (*tenant)->admission().retry_after_seconds;
}

std::string_view NodeVersion() { return GRANARY_VERSION; }

}  // namespace granary::services
