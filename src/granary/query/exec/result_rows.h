// Result rows: chosen rows of a decoded morsel as a ResultBatch.
//
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/search_plan.h"

namespace granary::query {

/// Rows `chosen` (all when absent, at most `rows_max`) of `decoded`, which has the output columns
/// of plan.rows[source].
Result<ResultBatch> MakeResult(const SearchPlan& plan, std::size_t source,
                               const arrow::RecordBatch& decoded,
                               const std::optional<std::vector<std::int32_t>>& chosen,
                               std::int64_t rows_max);

/// Rows of one source, those of `parts` one after the other, in another order: row i is order[i] of
/// them.
/// Looks at `cancel` before each column.
Result<ResultBatch> Reorder(const std::vector<ResultBatch>& parts,
                            const std::vector<std::int64_t>& order,
                            const runtime::CancelToken& cancel);

/// Hands the rows on in batches of at most `batch_rows`.
Status EmitSlices(const ResultBatch& rows, std::int64_t batch_rows, const SearchSink& sink);

}  // namespace granary::query
