// AnswerRows: what happens to an aggregate's groups once they are computed: having, order_by,
// limit.
//
// Order      nulls last in both directions, NaN above all numbers; ties in the order in which the
// groups
//            were first met.
// Threads    one.
#pragma once

#include <cstdint>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/plan/requests.h"

namespace granary::query {

/// The answer before its rows are picked: values[column][group].
struct AnswerColumns {
  std::vector<AggregateColumn> columns;
  std::vector<std::vector<Value>> values;
  std::size_t groups = 0;
};

/// kUnknownColumn for an alias that is not there, BindFilter's errors for having.
Status CheckAnswer(const AggregateRequest& request, const std::vector<AggregateColumn>& columns);

/// The groups to show, in order.
Result<std::vector<std::uint32_t>> PickGroups(const AggregateRequest& request,
                                              const AnswerColumns& answer);

}  // namespace granary::query
