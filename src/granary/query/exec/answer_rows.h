// AnswerRows: what happens to an aggregate's groups once they are computed: having, order_by,
// limit.
//
// Order      nulls last in both directions, NaN above all numbers; ties in the order in which the
//            groups were first met.
// Threads    one.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/sort_key.h"
#include "granary/query/plan/requests.h"
#include "granary/runtime/cancel.h"

namespace granary::query {

/// The answer before its rows are picked: values[column][group].
struct AnswerColumns {
  std::vector<AggregateColumn> columns;
  std::vector<std::vector<Value>> values;
  std::size_t groups = 0;
};

/// kUnknownColumn for an alias that is not there, BindFilter's errors for having.
Status CheckAnswer(const AggregateRequest& request, const std::vector<AggregateColumn>& columns);

/// How request.order_by orders rows of the answer; rows that it does not tell apart are equal.
class RowOrder {
 public:
  RowOrder(const AggregateRequest& request, const std::vector<AggregateColumn>& columns);

  /// What a row, with a value for each column, is ordered by.
  std::vector<Value> KeyOf(const std::vector<Value>& row) const;
  std::weak_ordering Compare(const std::vector<Value>& a, const std::vector<Value>& b) const;

 private:
  struct Column {
    std::size_t position = 0;
    KeyForm form = KeyForm::kPlain;
    Direction direction = Direction::kAscending;
  };
  std::vector<Column> order_;
};

/// The groups to show, in order. Looks at `cancel` every few thousand groups.
Result<std::vector<std::uint32_t>> PickGroups(const AggregateRequest& request,
                                              const AnswerColumns& answer,
                                              const runtime::CancelToken& cancel);

}  // namespace granary::query
