#include <utility>

#include <arrow/record_batch.h>

#include "granary/api/request_json.h"
#include "granary/api/response_json.h"
#include "granary/services/tenant_node/content_rules.h"
#include "granary/services/tenant_node/responses.h"
#include "granary/services/tenant_node/routes.h"
#include "granary/services/tenant_node/search_stream.h"
#include "granary/services/tenant_node/write_stream.h"

namespace granary::services {
namespace {

double MillisSince(const NodeState& state, std::int64_t start_ns) {
  return static_cast<double>(state.clock.MonotonicNanos() - start_ns) / 1e6;
}

Result<net::HttpResponse> Write(NodeState& state, RouteCall& call) {
  if (call.request.body_source != nullptr) return WriteStreamed(state, call);
  GRANARY_TRY(CheckJsonBody(call.request));
  GRANARY_TRY(CheckNoStreamParameters(call.request));
  if (call.request.headers.Get("Idempotency-Key")) {
    return Status::Unsupported("Idempotency-Key is not offered by this version");
  }
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, state.tenant.Get());
  GRANARY_ASSIGN(const api::WriteBody body, api::ParseWrite(call.request.body, state.limits));
  GRANARY_ASSIGN(const WriteAnswer answer, tenant->Write({.source = body.source,
                                                          .records = body.records,
                                                          .skips_wrong = body.skips_wrong}));
  state.metrics.CountRowsWritten(answer.written);
  return JsonResponse(api::WriteJson(answer));
}

Result<net::HttpResponse> Search(NodeState& state, RouteCall& call) {
  const std::int64_t start_ns = state.clock.MonotonicNanos();
  GRANARY_TRY(CheckJsonBody(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, state.tenant.Get());
  GRANARY_ASSIGN(const query::SearchRequest request,
                 api::ParseSearch(call.request.body, /*streaming=*/false, state.limits));
  api::SearchJson answer;
  std::int64_t rows_returned = 0;
  GRANARY_ASSIGN(const query::QueryStats stats,
                 tenant->Search(request, call.request.cancel, [&](const query::ResultBatch& rows) {
                   rows_returned += rows.batch->num_rows();
                   answer.Add(rows);
                   return Status::Ok();
                 }));
  state.metrics.CountRowsReturned(static_cast<std::uint64_t>(rows_returned));
  return JsonResponse(answer.Finish(stats, MillisSince(state, start_ns)));
}

Result<net::HttpResponse> Aggregate(NodeState& state, RouteCall& call) {
  const std::int64_t start_ns = state.clock.MonotonicNanos();
  GRANARY_TRY(CheckJsonBody(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, state.tenant.Get());
  GRANARY_ASSIGN(const query::AggregateRequest request,
                 api::ParseAggregate(call.request.body, state.limits));
  GRANARY_ASSIGN(const query::AggregateAnswer answer,
                 tenant->Aggregate(request, call.request.cancel));
  state.metrics.CountRowsReturned(answer.rows.size());
  return JsonResponse(api::AggregateJson(answer, MillisSince(state, start_ns)));
}

}  // namespace

void AddDataRoutes(NodeState& state, Router& router) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](RouteCall& call) { return handler(state, call); };
  };
  router.Add({.method = "POST",
              .pattern = "/data/write",
              .handler = bind(Write),
              .query = {"source_id", "atomic", "on_error"}});
  router.Add({.method = "POST", .pattern = "/data/search", .handler = bind(Search)});
  router.Add({.method = "POST",
              .pattern = "/data/search/stream",
              .handler = bind(SearchStream),
              .query = {"frames"}});
  router.Add({.method = "POST", .pattern = "/data/aggregate", .handler = bind(Aggregate)});
}

}  // namespace granary::services
