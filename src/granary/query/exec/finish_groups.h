// FinishGroups: the groups of a table as the columns of the answer.
//
// Threads    one.
#pragma once

#include <cstdint>

#include "granary/base/status.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/answer_rows.h"
#include "granary/runtime/cancel.h"

namespace granary::query {

inline constexpr std::uint32_t kGroupsAtOnce = 4096;  ///< Between two looks at a token.

/// Takes the aggregates out of the table. Looks at `cancel` every few thousand groups.
Result<AnswerColumns> FinishGroups(const AggregatePlan& plan, AggregateTable& table,
                                   const runtime::CancelToken& cancel);

/// About the memory that its result takes.
std::uint64_t FinishedBytes(const AggregatePlan& plan, const AggregateTable& table);

}  // namespace granary::query
