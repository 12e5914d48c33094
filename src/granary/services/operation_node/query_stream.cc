// POST /query/search/stream: all rows of a search over several tenants, as they come or merged in
// order, in constant memory.
#include <memory>
#include <utility>

#include "granary/api/request_json.h"
#include "granary/formats/table_format.h"
#include "granary/hosting/content_rules.h"
#include "granary/hosting/row_stream.h"
#include "granary/query/exec/search.h"
#include "granary/services/operation_node/query_routes.h"
#include "granary/services/operation_node/row_merge.h"
#include "granary/services/operation_node/spread_query.h"

namespace granary::operation {
namespace {

/// Parts that have all begun.
struct Begun {
  std::shared_ptr<Desk> desk;  ///< Stays while rows flow.
  query::SearchRequest request;
  std::unique_ptr<SpreadQuery> query;
  std::unique_ptr<NodeParts> parts;
  std::unique_ptr<RowMerge> merge;
  query::AnswerShape shape;
};

/// Until all nodes have said that they begin, a query may still go on without one.
Status Begin(Begun& begun) {
  SpreadQuery& query = *begun.query;
  while (true) {
    const Status checked = query::CheckSearch(begun.request, query.known());
    if (!checked.ok()) {
      GRANARY_ASSIGN(const bool anew, query.LearnAnew());
      if (!anew) return checked;
      continue;
    }
    begun.merge.reset();
    begun.parts = std::make_unique<NodeParts>(
        query.queries().links, query.Asks(api::PartRequest::Kind::kStream), query.PartsOptions());
    begun.merge = std::make_unique<RowMerge>(*begun.parts, begun.request.order_by.empty()
                                                               ? MergeOrder::kAsTheyCome
                                                               : MergeOrder::kByKey);
    const Status started = begun.merge->Start();
    if (started.ok()) return Status::Ok();
    if (!begun.merge->failed_part()) return started;
    bool again = false;
    GRANARY_TRY(query.Failed(begun.parts->tenant_of(*begun.merge->failed_part()), started, again));
  }
}

query::AnswerShape ShapeOf(const Begun& begun) {
  query::AnswerShape shape = query::ShapeOf(begun.request, begun.query->known());
  std::ranges::sort(shape.sources);
  const auto twice = std::ranges::unique(shape.sources);
  shape.sources.erase(twice.begin(), twice.end());
  for (const QueryTarget& target : begun.query->targets()) shape.tenants.push_back(target.tenant);
  return shape;
}

Status Run(const Begun& begun, hosting::RowStream& rows) {
  GRANARY_TRY(rows.Begin(begun.shape));
  const Status merged = begun.merge->Run(
      begun.request.limit, [&rows](const query::ResultBatch& batch) { return rows.Add(batch); });
  if (!merged.ok()) {
    const auto failed = begun.merge->failed_part();
    if (!failed) return merged;
    return begun.query->Broke(begun.parts->tenant_of(*failed), merged);
  }
  query::QueryStats stats;
  for (std::size_t i = 0; i < begun.parts->size(); ++i) stats.Add(begun.merge->progress(i).stats);
  return rows.End(stats);
}

}  // namespace

Result<net::HttpResponse> QueryStream(const std::shared_ptr<Desk>& desk, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  GRANARY_ASSIGN(const api::AnswerForm form, hosting::ChooseAnswerForm(call.request));
  auto begun = std::make_shared<Begun>();
  begun->desk = desk;
  api::Spread spread;
  GRANARY_ASSIGN(begun->request,
                 api::ParseSearch(call.request.body, /*streaming=*/true, {}, &spread));
  begun->query =
      std::make_unique<SpreadQuery>(*desk, call.request, std::move(spread), begun->request.sources);
  GRANARY_TRY(begun->query->Find());
  GRANARY_TRY(begun->query->LearnSources());
  GRANARY_TRY(Begin(*begun));
  begun->shape = ShapeOf(*begun);
  net::HttpResponse response;
  response.content_type = formats::MediaTypeOf(form.format);
  // Else clients read text/* as Latin-1.
  if (form.format == formats::TableFormat::kCsv) response.content_type += "; charset=utf-8";
  response.headers.Set("Vary", "Accept");
  std::string missing;
  for (const MissingTenant& tenant : begun->query->missing())
    missing.append(missing.empty() ? "" : ", ").append(tenant.tenant);
  if (!missing.empty()) response.headers.Set(kMissingHeader, missing);
  response.stream = [begun, form, id = call.request.request_id](net::BodySink& sink) -> Status {
    hosting::RowStream rows(sink, api::MakeAnswerWriter(form, id), begun->desk->clock,
                            begun->query->queries().rows_merged);
    const Status ended = Run(*begun, rows);
    begun->query->Count(*begun->parts);
    return ended.ok() ? ended : rows.Fail(ended, ended);
  };
  return response;
}

}  // namespace granary::operation
