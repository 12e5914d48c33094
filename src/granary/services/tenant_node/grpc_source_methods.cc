// AddSource, UpdateSource, RemoveSource, ListSources, GetSourceStats, GetTenantStats, HealthCheck.
#include "granary/api/object_reader.h"
#include "granary/api/proto_answer.h"
#include "granary/api/proto_request.h"
#include "granary/api/request_json.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/grpc_methods.h"

namespace granary::services {
namespace {

using hosting::GrpcMethodCall;

Result<SourceId> ReadSource(const std::string& text) {
  Result<SourceId> id = SourceId::Parse(text);
  if (!id.ok()) return api::AtPointer(id.status(), "/source_id");
  return id;
}

Status AddSource(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string message, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const std::string body, api::ReadAddSourceMessage(message));
  GRANARY_ASSIGN(const storage::SourceDefinition definition, api::ParseSource(body, state.limits));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, definition.id));
  GRANARY_ASSIGN(const Tenant::Added added, tenant->AddSource(definition));
  return call.messages.Write(api::AddedSourceMessage(added));
}

Status UpdateSource(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string message, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const api::UpdateSourceMessage request, api::ReadUpdateSourceMessage(message));
  GRANARY_ASSIGN(const SourceId id, ReadSource(request.source_id));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, id));
  GRANARY_ASSIGN(const storage::SourceChange change,
                 api::ParseSourceChange(request.body, state.limits));
  GRANARY_ASSIGN(const SourceInfo source, tenant->ChangeSource(id, change));
  return call.messages.Write(api::SourceMessage(source));
}

Status RemoveSource(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string message, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const api::RemoveSourceMessage request, api::ReadRemoveSourceMessage(message));
  GRANARY_ASSIGN(const SourceId id, ReadSource(request.source_id));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, id));
  GRANARY_TRY(tenant->DropSource(id, request.keep_data));
  return call.messages.Write({});
}

Status ListSources(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string message, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_TRY(api::ReadListSourcesMessage(message));
  const SourceList seen = SeenOf(tenant->ListSources(), RightsOf(call));
  return call.messages.Write(api::SourcesMessage(state.paths.Hide(seen)));
}

Status GetSourceStats(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string message, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const std::string source_id, api::ReadSourceIdMessage(message));
  GRANARY_ASSIGN(const SourceId id, ReadSource(source_id));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kRead, id));
  GRANARY_ASSIGN(const SourceStatsInfo stats, tenant->Stats(id));
  return call.messages.Write(api::SourceStatsMessage(stats));
}

Status GetTenantStats(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string message, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_TRY(api::ReadGetTenantStatsMessage(message));
  GRANARY_TRY(RightsOf(call).NeedEverywhere(security::Verb::kRead));
  return call.messages.Write(api::TenantStatsMessage(tenant->Stats()));
}

Status HealthCheck(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string message, call.Request());
  GRANARY_TRY(api::ReadHealthCheckMessage(message));
  GRANARY_TRY(state.tenants->status());
  const double uptime_seconds =
      static_cast<double>(state.clock.MonotonicNanos() - state.started_ns) / 1e9;
  return call.messages.Write(api::HealthMessage(state.config.tenant_id, state.config.tenant_name,
                                                NodeVersion(), uptime_seconds));
}

}  // namespace

void AddGrpcSourceMethods(NodeState& state, std::vector<hosting::GrpcMethod>& methods) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](GrpcMethodCall& call) { return handler(state, call); };
  };
  methods.push_back({"AddSource", bind(AddSource)});
  methods.push_back({"UpdateSource", bind(UpdateSource)});
  methods.push_back({"RemoveSource", bind(RemoveSource)});
  methods.push_back({"ListSources", bind(ListSources)});
  methods.push_back({"GetSourceStats", bind(GetSourceStats)});
  methods.push_back({"GetTenantStats", bind(GetTenantStats)});
  methods.push_back({"HealthCheck", bind(HealthCheck), /*needs_access=*/false});
}

}  // namespace granary::services
