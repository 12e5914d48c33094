#include <limits>

#include <fmt/format.h>

#include "granary/hosting/responses.h"
#include "granary/services/auth_gateway/bodies.h"
#include "granary/services/auth_gateway/routes.h"

namespace granary::gateway {
namespace {

Result<net::HttpResponse> ListAudit(GatewayState&, auth::Authority& authority,
                                    hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::size_t limit, PageRows(call.request));
  GRANARY_ASSIGN(
      const std::int64_t before,
      WholeParameter(call.request, "before", 0, 1, std::numeric_limits<std::int64_t>::max()));
  const auth::AuditQuery query{.tenant = TextParameter(call.request, "tenant_id"),
                               .actor = TextParameter(call.request, "actor"),
                               .action = TextParameter(call.request, "action"),
                               .outcome = TextParameter(call.request, "outcome"),
                               .before_seq = before,
                               .limit = limit};
  GRANARY_ASSIGN(const auto entries, authority.ListAudit(ActOf(call), query));
  const bool full = entries.size() == query.limit;
  return hosting::JsonResponse(
      PageJson("entries", entries, AuditJson,
               full ? std::optional(fmt::format("{}", entries.back().seq)) : std::nullopt));
}

}  // namespace

void AddAuditRoute(GatewayState& state, hosting::Router& router) {
  router.Add({.method = "GET",
              .pattern = "/audit",
              .handler = WithAuthority(state, ListAudit),
              .query = {"tenant_id", "actor", "action", "outcome", "before", "limit"}});
}

}  // namespace granary::gateway
