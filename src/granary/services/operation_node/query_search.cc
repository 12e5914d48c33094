// POST /query/search: a page of a search over several tenants.
#include <algorithm>
#include <memory>
#include <utility>

#include <arrow/record_batch.h>

#include "granary/api/request_json.h"
#include "granary/api/response_json.h"
#include "granary/hosting/content_rules.h"
#include "granary/hosting/responses.h"
#include "granary/query/exec/search.h"
#include "granary/services/operation_node/query_routes.h"
#include "granary/services/operation_node/row_merge.h"
#include "granary/services/operation_node/spread_query.h"

namespace granary::operation {
namespace {

struct Page {
  api::SearchJson records;
  query::QueryStats stats;
  QueryCursor next;
  bool goes_on = false;
};

/// What a cursor says of a tenant; null: nothing, or there is none.
const QueryCursor::Part* PartOf(const std::optional<QueryCursor>& cursor,
                                const std::string& tenant) {
  if (!cursor) return nullptr;
  const auto at = std::ranges::find(cursor->parts, tenant, &QueryCursor::Part::tenant);
  return at == cursor->parts.end() ? nullptr : &*at;
}

std::vector<PartAsk> AsksOf(const SpreadQuery& query, const query::SearchRequest& request,
                            const std::optional<QueryCursor>& cursor) {
  std::vector<PartAsk> asks = query.Asks(api::PartRequest::Kind::kSearch);
  // Their schemas count to the last page: with them the order is what it was.
  std::erase_if(asks, [&cursor](const PartAsk& ask) {
    const auto* part = PartOf(cursor, ask.target.tenant);
    return part != nullptr && part->done;
  });
  for (PartAsk& ask : asks) {
    ask.request.limit = *request.limit;
    if (const auto* part = PartOf(cursor, ask.target.tenant)) {
      ask.request.skip = part->skip;
      ask.request.cursor = part->anchor;
    }
  }
  return asks;
}

void NoteProgress(const NodeParts& parts, const RowMerge& merge, Page& page) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const PartProgress& progress = merge.progress(i);
    QueryCursor::Part& part = page.next.parts.emplace_back();
    part.tenant = parts.tenant_of(i);
    page.stats.Add(progress.stats);
    if (!progress.whole) {
      part.anchor = progress.anchor;
      part.skip = progress.taken;
    } else if (progress.next_cursor) {
      part.anchor = *progress.next_cursor;
    } else {
      part.done = true;
    }
    page.goes_on = page.goes_on || !part.done;
  }
}

/// One attempt. `failed`: whose failure it is, when it is a part's.
Result<Page> TryPage(SpreadQuery& query, const query::SearchRequest& request,
                     const std::optional<QueryCursor>& cursor, std::string& failed) {
  Page page;
  if (*request.limit == 0) return page;
  NodeParts parts(query.queries().links, AsksOf(query, request, cursor), query.PartsOptions());
  RowMerge merge(parts, request.order_by.empty() ? MergeOrder::kByPart : MergeOrder::kByKey);
  const auto run = [&]() -> Status {
    GRANARY_TRY(merge.Start());
    return merge.Run(request.limit, [&page](const query::ResultBatch& rows) {
      page.records.Add(rows);
      return Status::Ok();
    });
  };
  const Status status = run();
  query.Count(parts);
  if (!status.ok()) {
    if (merge.failed_part()) failed = parts.tenant_of(*merge.failed_part());
    return status;
  }
  query.queries().rows_merged.Add(merge.rows());
  NoteProgress(parts, merge, page);
  return page;
}

Result<net::HttpResponse> Answer(SpreadQuery& query, const query::SearchRequest& request,
                                 const std::optional<QueryCursor>& cursor) {
  while (true) {
    if (!cursor) {
      const Status checked = query::CheckSearch(request, query.known());
      if (!checked.ok()) {
        GRANARY_ASSIGN(const bool anew, query.LearnAnew());
        if (!anew) return checked;
        continue;
      }
    }
    std::string failed;
    auto page = TryPage(query, request, cursor, failed);
    if (!page.ok()) {
      if (failed.empty()) return page.status();
      // What was shown of a tenant cannot be gone on without.
      if (cursor && page.status().code() != Code::kConflict)
        return query.Broke(failed, page.status());
      bool again = false;
      GRANARY_TRY(query.Failed(failed, page.status(), again));
      continue;
    }
    std::optional<std::string> next_cursor;
    if (page->goes_on) {
      page->next.request = FingerprintOf(request, query.spread());
      page->next.missing = query.missing();
      if (cursor) {
        for (const QueryCursor::Part& part : cursor->parts)
          if (part.done) page->next.parts.push_back(part);
        std::ranges::sort(page->next.parts, {}, &QueryCursor::Part::tenant);
      }
      GRANARY_ASSIGN(next_cursor, query.queries().seal.Write(page->next));
    }
    std::string json = page->records.Finish(page->stats, query.Millis(), next_cursor);
    query.AppendParts(json);
    return hosting::JsonResponse(std::move(json));
  }
}

}  // namespace

Result<net::HttpResponse> QuerySearch(const std::shared_ptr<Desk>& desk, hosting::RouteCall& call) {
  GRANARY_TRY(hosting::CheckJsonBody(call.request));
  api::Spread spread;
  const api::RequestLimits limits{.page_records_max = desk->queries->limits.page_records_max};
  GRANARY_ASSIGN(query::SearchRequest request,
                 api::ParseSearch(call.request.body, /*streaming=*/false, limits, &spread));
  std::optional<QueryCursor> cursor;
  if (request.cursor) {
    GRANARY_ASSIGN(cursor,
                   desk->queries->seal.Read(*request.cursor, FingerprintOf(request, spread)));
  }
  SpreadQuery query(*desk, call.request, std::move(spread), request.sources);
  if (cursor) {
    std::vector<std::string> tenants;
    for (const QueryCursor::Part& part : cursor->parts) tenants.push_back(part.tenant);
    GRANARY_TRY(query.Find(tenants, cursor->missing));
  } else {
    GRANARY_TRY(query.Find());
  }
  GRANARY_TRY(query.LearnSources());
  return Answer(query, request, cursor);
}

}  // namespace granary::operation
