#include <utility>

#include <arrow/record_batch.h>

#include "granary/api/request_json.h"
#include "granary/api/response_json.h"
#include "granary/hosting/content_rules.h"
#include "granary/hosting/responses.h"
#include "granary/hosting/row_pieces.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/idempotency.h"
#include "granary/services/tenant_node/routes.h"
#include "granary/services/tenant_node/search_stream.h"
#include "granary/services/tenant_node/write_stream.h"

namespace granary::services {
namespace {

constexpr std::size_t kPieceBytes = 64u << 10;
/// Of a page: one that is no longer has its length, and what goes wrong until then is a refusal.
constexpr std::size_t kHeldBytes = 256u << 10;
constexpr std::string_view kOtherBodies =
    ", application/x-ndjson, text/csv, application/vnd.apache.arrow.stream, "
    "application/vnd.apache.parquet";

Caller CallerOf(const hosting::RouteCall& call) {
  return {call.request.cancel, call.request.request_id, RightsOf(call)};
}

Result<net::HttpResponse> Write(NodeState& state, hosting::RouteCall& call) {
  if (call.request.body_source != nullptr) return WriteStreamed(state, call);
  // A body in one of the other formats that was not streamed has a parameter that is not taken.
  GRANARY_TRY(hosting::StreamedBodyFormat(call.request).status());
  GRANARY_TRY(hosting::CheckJsonBody(call.request, kOtherBodies));
  GRANARY_TRY(CheckNoStreamParameters(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const api::WriteBody body, api::ParseWrite(call.request.body, state.limits));
  GRANARY_TRY(RightsOf(call).Need(security::Verb::kWrite, body.source));
  GRANARY_ASSIGN(auto key, WriteKeyOf(call.request));
  GRANARY_ASSIGN(const WriteAnswer answer, tenant->Write({.source = body.source,
                                                          .records = body.records,
                                                          .skips_wrong = body.skips_wrong,
                                                          .key = std::move(key),
                                                          .cancel = call.request.cancel}));
  return WriteResponse(state, *tenant, answer);
}

Result<net::HttpResponse> Search(NodeState& state, hosting::RouteCall& call) {
  const std::int64_t start_ns = state.clock.MonotonicNanos();
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(query::SearchRequest request,
                 api::ParseSearch(call.request.body, /*streaming=*/false, state.limits));
  net::HttpResponse response;
  response.held_bytes_max = kHeldBytes;
  response.stream = [&state, tenant, start_ns, request = std::move(request),
                     caller = CallerOf(call)](net::BodySink& sink) -> Status {
    api::SearchJson answer;
    const auto add = [&](const query::ResultBatch& rows) -> Status {
      for (std::int64_t at = 0, count = 0; at < rows.batch->num_rows(); at += count) {
        GRANARY_TRY(caller.cancel.Check());
        count = hosting::RowsInPiece(*rows.batch, at);
        if (count == rows.batch->num_rows())
          answer.Add(rows);
        else
          answer.Add({rows.source, rows.columns, rows.batch->Slice(at, count)});
        CountReturned(state, *tenant, static_cast<std::uint64_t>(count));
        if (answer.bytes() >= kPieceBytes) GRANARY_TRY(sink.Write(answer.Take()));
      }
      return Status::Ok();
    };
    GRANARY_ASSIGN(const SearchPageEnd page, tenant->SearchPage(request, caller, add));
    return sink.Write(answer.Finish(page.stats, MillisSince(state, start_ns), page.next_cursor));
  };
  return response;
}

Result<net::HttpResponse> Aggregate(NodeState& state, hosting::RouteCall& call) {
  const std::int64_t start_ns = state.clock.MonotonicNanos();
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const query::AggregateRequest request,
                 api::ParseAggregate(call.request.body, state.limits));
  net::HttpResponse response;
  response.stream = [&state, tenant, start_ns, request,
                     caller = CallerOf(call)](net::BodySink& sink) -> Status {
    api::AggregateJsonText answer;
    std::string text;
    const auto add = [&](const std::vector<query::AggregateColumn>& columns,
                         const std::vector<std::vector<Value>>& rows) -> Status {
      GRANARY_TRY(caller.cancel.Check());
      answer.Add(columns, rows, text);
      CountReturned(state, *tenant, rows.size());
      return text.size() < kPieceBytes ? Status::Ok() : sink.Write(std::exchange(text, {}));
    };
    GRANARY_ASSIGN(const query::QueryStats stats, tenant->Aggregate(request, caller, add));
    answer.Finish(stats, MillisSince(state, start_ns), text);
    return sink.Write(text);
  };
  return response;
}

Result<net::HttpResponse> Delete(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const api::DeleteBody body, api::ParseDelete(call.request.body, state.limits));
  GRANARY_ASSIGN(auto key, WriteKeyOf(call.request));
  GRANARY_ASSIGN(
      const DeleteAnswer answer,
      tenant->Delete({.source = body.source, .filter = body.filter, .key = std::move(key)},
                     CallerOf(call)));
  net::HttpResponse response = hosting::JsonResponse(api::DeleteJson(answer));
  if (answer.repeated) response.headers.Set("Idempotency-Replayed", "true");
  return response;
}

}  // namespace

void AddDataRoutes(NodeState& state, hosting::Router& router) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](hosting::RouteCall& call) { return handler(state, call); };
  };
  router.Add({.method = "POST",
              .pattern = "/data/write",
              .handler = bind(Write),
              .lane = net::HandlerLane::kPatient,  // For room, or for another with its key.
              .query = {"source_id", "atomic", "on_error"}});
  router.Add({.method = "POST",
              .pattern = "/data/delete",
              .handler = bind(Delete),
              .lane = net::HandlerLane::kPatient});
  router.Add({.method = "POST",
              .pattern = "/data/search",
              .handler = bind(Search),
              .lane = net::HandlerLane::kPatient});
  router.Add({.method = "POST",
              .pattern = "/data/search/stream",
              .handler = bind(SearchStream),
              .lane = net::HandlerLane::kPatient,
              .query = {"frames"}});
  router.Add({.method = "POST",
              .pattern = "/data/aggregate",
              .handler = bind(Aggregate),
              .lane = net::HandlerLane::kPatient});
}

}  // namespace granary::services
