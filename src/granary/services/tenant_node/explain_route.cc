// POST /data/explain.
#include <variant>

#include "granary/api/explain_json.h"
#include "granary/hosting/content_rules.h"
#include "granary/hosting/responses.h"
#include "granary/services/tenant_node/explain.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

Result<net::HttpResponse> ExplainPosted(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  GRANARY_ASSIGN(const bool analyze, hosting::BoolParameter(call.request, "analyze", false));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(std::string answer,
                 AnswerExplain(state, *tenant, call.request.body, analyze,
                               {call.request.cancel, call.request.request_id, RightsOf(call)}));
  return hosting::JsonResponse(std::move(answer));
}

}  // namespace

Result<std::string> AnswerExplain(NodeState& state, Tenant& tenant, std::string_view body,
                                  bool analyze, const Caller& caller) {
  GRANARY_ASSIGN(const api::ExplainBody parsed, api::ParseExplain(body, state.limits));
  const auto explained = std::visit(
      [&](const auto& request) {
        return tenant.Explain(request, analyze ? query::Analyze::kRun : query::Analyze::kNo,
                              caller);
      },
      parsed.request);
  if (!explained.ok()) return api::InExplain(explained.status(), parsed);
  return api::ExplainJson(*explained);
}

void AddExplainRoute(NodeState& state, hosting::Router& router) {
  router.Add({.method = "POST",
              .pattern = "/data/explain",
              .handler = [&state](hosting::RouteCall& call) { return ExplainPosted(state, call); },
              .lane = net::HandlerLane::kPatient,  // For a slot.
              .query = {"analyze"}});
}

}  // namespace granary::services
