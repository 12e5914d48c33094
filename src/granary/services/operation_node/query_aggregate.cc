// POST /query/aggregate: groups over several tenants, as if all were one table.
#include <memory>
#include <utility>
#include <variant>

#include "granary/api/request_json.h"
#include "granary/api/response_json.h"
#include "granary/hosting/content_rules.h"
#include "granary/query/exec/merged_groups.h"
#include "granary/services/operation_node/node_parts.h"
#include "granary/services/operation_node/query_routes.h"
#include "granary/services/operation_node/spread_query.h"

namespace granary::operation {
namespace {

constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::string_view kPartColumn = "tenant_id";

struct Groups {
  std::unique_ptr<query::MergedGroups> merged;
  query::QueryStats stats;
};

/// Takes the frames of a part to its end; its states go into the groups meanwhile.
Status TakePart(NodeParts& parts, std::size_t part, query::QueryStats& stats) {
  while (true) {
    GRANARY_ASSIGN(const api::PartFrame frame, parts.Next(part));
    if (std::holds_alternative<PartStart>(frame)) continue;
    const auto* end = std::get_if<api::PartEnd>(&frame);
    if (end == nullptr) return Status::Corruption("its node's answer has rows among its states");
    stats.Add(end->end.stats);
    return Status::Ok();
  }
}

/// One attempt; a part that fails is left out, or ends it, as the query says.
Result<std::optional<Groups>> TryGroups(SpreadQuery& query,
                                        const query::AggregateRequest& request) {
  std::vector<PartAsk> asks = query.Asks(api::PartRequest::Kind::kAggregate);
  std::vector<std::string> names;
  for (const PartAsk& ask : asks) names.push_back(ask.target.tenant);
  Groups groups;
  auto made = query::MergedGroups::Make(request, kPartColumn, query.known(), names,
                                        &query.queries().memory);
  if (!made.ok()) {
    GRANARY_ASSIGN(const bool anew, query.LearnAnew());
    if (anew) return std::optional<Groups>();
    return made.status();
  }
  groups.merged = made.Take();
  NodePartsOptions options = query.PartsOptions();
  options.on_states = [&](std::size_t part, std::string_view page) {
    query.queries().states_merged.Add(1);
    return groups.merged->Add(part, page, query.request().cancel);
  };
  NodeParts parts(query.queries().links, std::move(asks), std::move(options));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Status taken = TakePart(parts, i, groups.stats);
    if (taken.ok()) continue;
    bool again = false;
    const bool moved = taken.code() == Code::kConflict;
    GRANARY_TRY(query.Failed(parts.tenant_of(i), taken, again));
    // The sources of whoever is left out decide on no column's type.
    if (again || moved) return std::optional<Groups>();
  }
  query.Count(parts);
  return std::optional(std::move(groups));
}

}  // namespace

Result<net::HttpResponse> QueryAggregate(const std::shared_ptr<Desk>& desk,
                                         hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  api::Spread spread;
  GRANARY_ASSIGN(const query::AggregateRequest request,
                 api::ParseAggregate(call.request.body, {}, &spread));
  auto query =
      std::make_shared<SpreadQuery>(*desk, call.request, std::move(spread), request.sources);
  GRANARY_TRY(query->Find());
  GRANARY_TRY(query->LearnSources());
  std::optional<Groups> groups;
  while (!groups) {
    GRANARY_ASSIGN(groups, TryGroups(*query, request));
  }
  net::HttpResponse response;
  response.stream =
      [desk, query, cancel = call.request.cancel,
       groups = std::make_shared<Groups>(std::move(*groups))](net::BodySink& sink) -> Status {
    api::AggregateJsonText answer;
    std::string text;
    GRANARY_TRY(groups->merged->Finish(cancel,
                                       [&](const std::vector<query::AggregateColumn>& columns,
                                           const std::vector<std::vector<Value>>& rows) -> Status {
                                         answer.Add(columns, rows, text);
                                         query->queries().rows_merged.Add(rows.size());
                                         return text.size() < kPieceBytes
                                                    ? Status::Ok()
                                                    : sink.Write(std::exchange(text, {}));
                                       }));
    answer.Finish(groups->stats, query->Millis(), text);
    query->AppendParts(text);
    return sink.Write(text);
  };
  return response;
}

}  // namespace granary::operation
