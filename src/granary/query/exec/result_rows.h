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

/// Rows of one source, those of the parts one after the other, in another order: row i is order[i]
/// of them. They are brought into it as they are asked for, so nobody waits for all of them who
/// wants none any more.
class ReorderedRows {
 public:
  /// Looks at `cancel` before each column.
  static Result<ReorderedRows> Make(const std::vector<ResultBatch>& parts,
                                    std::vector<std::int64_t> order,
                                    const runtime::CancelToken& cancel);
  Result<ResultBatch> Slice(std::int64_t first, std::int64_t rows) const;

 private:
  ResultBatch joined_;  // In the parts' order.
  std::vector<std::int64_t> order_;
};

/// Hands the rows on in batches of at most `batch_rows`.
Status EmitSlices(const ResultBatch& rows, std::int64_t batch_rows, const SearchSink& sink);

}  // namespace granary::query
