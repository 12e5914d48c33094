#include "granary/query/exec/search.h"

#include "granary/query/exec/search_paths.h"
#include "granary/query/exec/search_plan.h"

namespace granary::query {

Status CheckSearch(const SearchRequest& request,
                   const std::vector<storage::SourceSnapshot>& sources) {
  return PlanSearch(request, sources).status();
}

Result<QueryStats> RunSearch(const SearchRequest& request,
                             const std::vector<storage::SourceSnapshot>& sources,
                             const QueryContext& context, const SearchSink& sink,
                             const ShapeSink& begin) {
  GRANARY_ASSIGN(const SearchPlan plan, PlanSearch(request, sources));
  if (begin) GRANARY_TRY(begin(ShapeOf(request, sources)));
  if (plan.order.empty()) return SearchAsStored(plan, request.limit, context, sink);
  return SearchOrdered(plan, request.limit, context, sink);
}

}  // namespace granary::query
