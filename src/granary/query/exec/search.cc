#include "granary/query/exec/search.h"

#include "granary/query/exec/compiled_patterns.h"
#include "granary/query/exec/search_paths.h"
#include "granary/query/exec/search_plan.h"

namespace granary::query {

Status CheckSearch(const SearchRequest& request,
                   const std::vector<storage::SourceSnapshot>& sources) {
  return PlanSearch(request, sources).status();
}

Result<QueryStats> RunSearch(const SearchRequest& asked,
                             const std::vector<storage::SourceSnapshot>& sources,
                             const QueryContext& context, const SearchSink& sink,
                             const ShapeSink& begin,
                             const std::vector<storage::SourceSnapshot>* known) {
  GRANARY_ASSIGN(const auto compiled, WithPatterns<SearchRequest>::Make(asked, context));
  const SearchRequest& request = compiled.get();
  GRANARY_ASSIGN(const SearchPlan plan,
                 PlanSearch(request, sources, known == nullptr ? sources : *known, sources));
  if (begin) {
    AnswerShape shape = ShapeOf(request, sources);
    shape.key_shape = KeyShapeOf(plan);
    GRANARY_TRY(begin(shape));
  }
  if (plan.order.empty()) return SearchAsStored(plan, request.limit, context, sink);
  return SearchOrdered(plan, request.limit, context, sink);
}

}  // namespace granary::query
