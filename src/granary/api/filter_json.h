// `filters` and `having` of a request: JSON to query::Filter, operators ANDed, columns ANDed, a
// bare value as eq, and $and, $or, $not at any depth, also under a column:
//
//   {"amount": {"gte": 1, "lt": 5}, "$or": [{"a": 1}, {"b": {"$not": {"in": [1, 2]}}}]}
#pragma once

#include <string>

#include "granary/api/json_node.h"
#include "granary/base/status.h"
#include "granary/query/plan/filter.h"

namespace granary::api {

/// kUnknownOperator, kInvalidRequest and kInvalidLiteral (a literal of a shape that its operator
/// cannot have, whatever the column), each with its pointer.
Result<query::Filter> ReadFilter(const JsonNode& node, const std::string& pointer);

Literal ToLiteral(const JsonNode& node);

}  // namespace granary::api
