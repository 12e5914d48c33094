// Aggregate: grouped aggregates over some sources as if they were one table.
//
// How        each morsel (row group or hot chunk) aggregates into its own thread's table; tables
//            are merged. count, min and max without filter and groups are answered from exact
//            statistics.
// Types      columns of several sources are brought to one type (int32 and int64: int64; decimals:
//            the wider; any other mix: kTypeMismatch naming both). Where one source has integers or
//            decimals and another floats, min, max, first, last, any, the distinct counts and
//            groups compare exactly and give the number itself (number_texts.h); all else, and a
//            bucket, computes with float64.
// Exact      integer and decimal sums in 128 bits (overflow of those is kInternal, never a wrap);
//            avg of integers and decimals from the exact sum; stddev and variance by Welford's
//            update, merged by Chan's, without overflow on the way: a variance past float64's range
//            is Infinity, of a value that is NaN or infinite both are NaN; percentile by selection
//            over all values, linearly interpolated, NaN above all numbers. first and last are by
//            `_seq`; any is the first met.
// Results    sum of integers: Int128 exact; sum of decimal(p,s): decimal; avg, stddev, variance,
//            percentile: float64 (percentile of date/timestamp: 422); min/max/first/last/any: the
//            column's type.
// Memory     within context.memory: what outgrows it goes to temporary files (aggregate_spill.h),
//            and the answer is the same to the last bit.
// Threads    may use context.pool; the sink is called from one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/plan/requests.h"
#include "granary/storage/source/source_snapshot.h"
#include "granary/types/value.h"

namespace granary::query {

/// One column of the answer: a group or an aggregate.
struct AggregateColumn {
  std::string alias;
  DataType type;  ///< Of its values; decimal(38,0) for integer sums, written as JSON integers.
  bool json_integer =
      false;  ///< An Int128 that goes out as a bare JSON integer, not as a decimal string.
  bool number_texts = false;  ///< Of type json: NumberTexts of mixed numbers (number_texts.h).
};

/// Is given the rows of the answer in their order, some at a time, each with a value for each
/// column.
using AggregateSink = std::function<Status(const std::vector<AggregateColumn>& columns,
                                           std::vector<std::vector<Value>> rows)>;

struct AggregateAnswer {
  std::vector<AggregateColumn> columns;  ///< Groups in order, then aggregates in order.
  std::vector<std::vector<Value>> rows;
  QueryStats stats;
};

/// kUnknownColumn, kTypeMismatch (sum of a string), kInvalidRequest (an alias twice), each with its
/// pointer. kTooLarge when the state of a single group outgrows the share, the values of
/// count_distinct and percentile not counted. A failing sink ends the query with its failure; no
/// row comes before all are computed.
Result<QueryStats> RunAggregate(const AggregateRequest& request,
                                const std::vector<storage::SourceSnapshot>& sources,
                                const QueryContext& context, const AggregateSink& sink);

/// The states of the groups instead of the answer, as pages of group_states.h: what having, order_by
/// and limit say is not looked at. What outgrows the share is handed on in parts, the same group in
/// several. `sources` may have some without rows: those of others, so that columns have the types
/// that they have over all.
Result<QueryStats> RunAggregateStates(const AggregateRequest& request,
                                      const std::vector<storage::SourceSnapshot>& sources,
                                      const QueryContext& context,
                                      const std::function<Status(std::string_view page)>& sink);

/// RunAggregate with all rows in memory, within the share: kTooLarge for more.
Result<AggregateAnswer> RunAggregate(const AggregateRequest& request,
                                     const std::vector<storage::SourceSnapshot>& sources,
                                     const QueryContext& context);

}  // namespace granary::query
