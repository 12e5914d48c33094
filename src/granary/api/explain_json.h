// POST /data/explain: its body, and its answer as JSON.
//
// Errors     those of ParseSearch and ParseAggregate, their pointers under /search or /aggregate.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "granary/api/request_json.h"
#include "granary/base/status.h"
#include "granary/query/exec/explain.h"
#include "granary/query/plan/requests.h"

namespace granary::api {

struct ExplainBody {
  std::variant<query::SearchRequest, query::AggregateRequest> request;
};

/// kInvalidRequest unless exactly one of `search` and `aggregate` is given.
Result<ExplainBody> ParseExplain(std::string_view body, const RequestLimits& limits = {});

/// A failure of the request in `body`, with its pointers where it stands in the body of explain.
Status InExplain(const Status& status, const ExplainBody& body);

std::string ExplainJson(const query::Explanation& explanation);

}  // namespace granary::api
