#include <string>

#include "granary/api/path_answers.h"
#include "granary/api/request_json.h"
#include "granary/api/response_json.h"
#include "granary/hosting/content_rules.h"
#include "granary/hosting/responses.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

// As RateLimit-Limit and its companions: a quota of things, not of requests, so nothing comes back
// by waiting alone; the reset is when asking again may help, as in Retry-After.
void SayQuota(hosting::RouteCall& call, std::int64_t most) {
  call.problem_headers.Set("RateLimit-Limit", std::to_string(most));
  call.problem_headers.Set("RateLimit-Remaining", "0");
  call.problem_headers.Set("RateLimit-Reset", "1");
}

Result<net::HttpResponse> Add(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const storage::SourceDefinition definition,
                 api::ParseSource(call.request.body, state.limits));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, definition.id));
  const Result<Tenant::Added> added = tenant->AddSource(definition);
  if (added.status().code() == Code::kQuotaExceeded) SayQuota(call, state.config.max_sources);
  if (!added.ok()) return added.status();
  net::HttpResponse response =
      hosting::JsonResponse(api::SourceJson(added->source), added->created ? 201 : 200);
  if (added->created) response.headers.Set("Location", "/sources/" + definition.id.str());
  return response;
}

Result<net::HttpResponse> List(NodeState& state, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  const SourceList seen = SeenOf(tenant->ListSources(), RightsOf(call));
  return hosting::JsonResponse(api::SourcesJson(state.paths.Hide(seen)));
}

Result<net::HttpResponse> Show(NodeState& state, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(NeedSight(RightsOf(call), id));
  GRANARY_ASSIGN(const SourceInfo source, tenant->GetSource(id));
  return hosting::JsonResponse(api::SourceJson(source));
}

Result<net::HttpResponse> Change(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, id));
  GRANARY_ASSIGN(const storage::SourceChange change,
                 api::ParseSourceChange(call.request.body, state.limits));
  GRANARY_ASSIGN(const SourceInfo source, tenant->ChangeSource(id, change));
  return hosting::JsonResponse(api::SourceJson(source));
}

Result<net::HttpResponse> History(NodeState& state, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(NeedSight(RightsOf(call), id));
  GRANARY_ASSIGN(const auto versions, tenant->SchemaHistory(id));
  return hosting::JsonResponse(api::SchemaHistoryJson(id, versions));
}

Result<net::HttpResponse> Drop(NodeState& state, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, id));
  GRANARY_ASSIGN(const bool keep_data, hosting::BoolParameter(call.request, "keep_data", false));
  GRANARY_TRY(tenant->DropSource(id, keep_data));
  return hosting::JsonResponse("", 204);
}

Result<net::HttpResponse> SourceStatistics(NodeState& state, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kRead, id));
  GRANARY_ASSIGN(const bool histograms, hosting::BoolParameter(call.request, "histograms", false));
  GRANARY_ASSIGN(const SourceStatsInfo stats, tenant->Stats(id));
  return hosting::JsonResponse(
      api::StatsJson(stats, histograms ? api::StatsDetail::kHistograms : api::StatsDetail::kShort));
}

Result<net::HttpResponse> Paths(NodeState& state, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kRead, id));
  GRANARY_ASSIGN(const storage::SourcePaths paths, tenant->Paths(id));
  return hosting::JsonResponse(api::PathsJson(id, paths));
}

Result<net::HttpResponse> Flush(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckOptionalBody(call.request));
  GRANARY_TRY(api::ParseNothing(call.request.body, state.limits));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(call.parameters[0]));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kAdmin, id));
  GRANARY_TRY(tenant->Flush(id));
  GRANARY_ASSIGN(const SourceStatsInfo stats, tenant->Stats(id));
  return hosting::JsonResponse(api::StatsJson(stats));
}

}  // namespace

void AddSourceRoutes(NodeState& state, hosting::Router& router) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](hosting::RouteCall& call) { return handler(state, call); };
  };
  router.Add({.method = "POST", .pattern = "/sources/add", .handler = bind(Add)});
  router.Add({.method = "GET", .pattern = "/sources", .handler = bind(List)});
  router.Add({.method = "GET", .pattern = "/sources/{id}", .handler = bind(Show)});
  router.Add({.method = "PATCH", .pattern = "/sources/{id}", .handler = bind(Change)});
  router.Add({.method = "GET", .pattern = "/sources/{id}/schema", .handler = bind(History)});
  router.Add({.method = "DELETE",
              .pattern = "/sources/{id}",
              .handler = bind(Drop),
              .query = {"keep_data"}});
  router.Add({.method = "GET",
              .pattern = "/sources/{id}/stats",
              .handler = bind(SourceStatistics),
              .query = {"histograms"}});
  router.Add({.method = "GET", .pattern = "/sources/{id}/paths", .handler = bind(Paths)});
  router.Add({.method = "POST", .pattern = "/sources/{id}/flush", .handler = bind(Flush)});
}

}  // namespace granary::services
