// POST /parts: this node's part of a query over several tenants, for the Operation Node
// (api/part_request.h, api/part_frames.h).
#include <memory>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/api/part_frames.h"
#include "granary/api/part_request.h"
#include "granary/api/request_json.h"
#include "granary/base/utf8.h"
#include "granary/query/exec/merged_groups.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

constexpr std::int64_t kHoldBackNs = 20'000'000;  // Rows that come slowly do not wait for more.
constexpr std::string_view kPartColumn = "tenant_id";

struct PartCall {
  NodeState& state;
  std::shared_ptr<Tenant> tenant;
  api::PartRequest request;
  Caller caller;
};

/// Frames to the Operation Node.
api::PartWriter WriterTo(net::BodySink& sink, const io::Clock& clock) {
  auto sent_ns = std::make_shared<std::int64_t>(clock.MonotonicNanos());
  return api::PartWriter(
      [&sink, &clock, sent_ns](std::string_view bytes) {
        *sent_ns = clock.MonotonicNanos();
        return sink.Write(bytes);
      },
      [&clock, sent_ns] { return clock.MonotonicNanos() - *sent_ns >= kHoldBackNs; });
}

Status SearchPart(const PartCall& call, const PartSearch& part, net::BodySink& sink) {
  api::PartWriter writer = WriterTo(sink, call.state.clock);
  GRANARY_ASSIGN(
      const SearchPageEnd end,
      call.tenant->SearchPart(
          part, call.caller,
          [&](const PartStart& start) { return writer.Start(call.request.tenant, start); },
          [&](const query::ResultBatch& rows) {
            CountReturned(call.state, *call.tenant,
                          static_cast<std::uint64_t>(rows.batch->num_rows()));
            return writer.Rows(rows);
          }));
  return writer.End(end);
}

Status AggregatePart(const PartCall& call, const query::AggregateRequest& request,
                     net::BodySink& sink) {
  api::PartWriter writer = WriterTo(sink, call.state.clock);
  bool started = false;
  const auto start = [&]() -> Status {
    if (std::exchange(started, true)) return Status::Ok();
    return writer.Start(call.request.tenant, {});
  };
  GRANARY_ASSIGN(query::QueryStats stats,
                 call.tenant->AggregatePart(request, call.request.all, call.caller,
                                            [&](std::string_view page) -> Status {
                                              GRANARY_TRY(start());
                                              return writer.States(page);
                                            }));
  GRANARY_TRY(start());
  return writer.End({std::move(stats), std::nullopt});
}

net::HttpResponse StreamOf(std::function<Status(net::BodySink&)> stream) {
  net::HttpResponse response;
  response.content_type = api::kPartMediaType;
  response.stream = std::move(stream);
  return response;
}

Result<net::HttpResponse> Search(PartCall call) {
  const bool streams = call.request.kind == api::PartRequest::Kind::kStream;
  api::Spread spread;
  PartSearch part;
  GRANARY_ASSIGN(part.request,
                 api::ParseSearch(call.request.body, streams, call.state.limits, &spread));
  part.all = call.request.all;
  part.pages = !streams;
  part.skip = call.request.skip;
  part.request.cursor.reset();
  if (!streams) part.request.limit = call.request.limit;
  if (!call.request.cursor.empty()) part.request.cursor = call.request.cursor;
  return StreamOf([call = std::move(call), part = std::move(part)](net::BodySink& sink) {
    return SearchPart(call, part, sink);
  });
}

Result<net::HttpResponse> Aggregate(PartCall call) {
  api::Spread spread;
  GRANARY_ASSIGN(const query::AggregateRequest request,
                 api::ParseAggregate(call.request.body, call.state.limits, &spread));
  GRANARY_ASSIGN(query::PartedAggregate parted, query::SplitByPart(request, kPartColumn));
  return StreamOf([call = std::move(call), parted = std::move(parted)](net::BodySink& sink) {
    return AggregatePart(call, parted.request, sink);
  });
}

Result<net::HttpResponse> Part(NodeState& state, hosting::RouteCall& call) {
  const auto type = call.request.headers.Get("Content-Type").value_or("");
  if (type != api::kPartMediaType) {
    return Status(Code::kUnsupportedMediaType, fmt::format("Content-Type is '{}', expected {}",
                                                           Quotable(type), api::kPartMediaType));
  }
  GRANARY_ASSIGN(api::PartRequest request, api::DecodePartRequest(call.request.body));
  if (request.tenant != VisitorOf(call).tenant)
    return Status(Code::kUnavailable, "its node serves another tenant by now");
  GRANARY_ASSIGN(std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  PartCall part{state, std::move(tenant), std::move(request),
                Caller{call.request.cancel, call.request.request_id, RightsOf(call)}};
  switch (part.request.kind) {
    case api::PartRequest::Kind::kSources: {
      net::HttpResponse response;
      response.content_type = api::kPartMediaType;
      response.body = api::EncodeSources(SeenOf(part.tenant->ListSources(), part.caller.rights));
      return response;
    }
    case api::PartRequest::Kind::kAggregate: return Aggregate(std::move(part));
    default: return Search(std::move(part));
  }
}

}  // namespace

void AddPartRoute(NodeState& state, hosting::Router& router) {
  router.Add({.method = "POST",
              .pattern = "/parts",
              .handler = [&state](hosting::RouteCall& call) { return Part(state, call); },
              .lane = net::HandlerLane::kPatient,
              .between_services = true});
}

}  // namespace granary::services
