#include "granary/services/tenant_node/search_stream.h"

#include <utility>

#include "granary/api/answer_writer.h"
#include "granary/api/request_json.h"
#include "granary/hosting/content_rules.h"
#include "granary/hosting/row_stream.h"
#include "granary/services/tenant_node/gateway_guard.h"

namespace granary::services {

Result<net::HttpResponse> SearchStream(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  GRANARY_ASSIGN(const api::AnswerForm form, hosting::ChooseAnswerForm(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(query::SearchRequest request,
                 api::ParseSearch(call.request.body, /*streaming=*/true, state.limits));
  net::HttpResponse response;
  response.content_type = formats::MediaTypeOf(form.format);
  // Else clients read text/* as Latin-1.
  if (form.format == formats::TableFormat::kCsv) response.content_type += "; charset=utf-8";
  response.headers.Set("Vary", "Accept");
  response.stream = [&state, tenant, request = std::move(request), form,
                     caller = Caller{call.request.cancel, call.request.request_id, RightsOf(call)}](
                        net::BodySink& sink) -> Status {
    hosting::RowStream rows(sink, api::MakeAnswerWriter(form, caller.request_id), state.clock,
                            state.rows_returned);
    const auto stats = tenant->Search(
        request, caller, [&](const query::ResultBatch& batch) { return rows.Add(batch); },
        [&](const query::AnswerShape& shape) { return rows.Begin(shape); });
    tenant->traffic().CountReturned(rows.rows());
    const Status ended = stats.ok() ? rows.End(*stats) : stats.status();
    return ended.ok() ? ended : rows.Fail(ended, state.paths.Hide(ended));
  };
  return response;
}

}  // namespace granary::services
