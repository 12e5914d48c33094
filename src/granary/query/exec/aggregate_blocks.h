// AggregateBlocks: of some rows, the values that an aggregate needs: groups, already transformed,
// the aggregates' columns and sequences; loaded from a morsel or from a page of a temporary file.
//
// Threads    one; loading again keeps the buffers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/source_scan.h"
#include "granary/query/exec/value_block.h"

namespace granary::query {

struct AggregateBlocks {
  /// The plan outlives the blocks.
  explicit AggregateBlocks(const AggregatePlan& plan);

  /// Loads the matching rows of a morsel of plan.scans[source], at most context.batch_rows at a
  /// time, and calls `each` for them. Looks at context.cancel before each.
  Status ForEachRun(const ScannedRows& scanned, std::size_t from, const QueryContext& context,
                    const std::function<Status()>& each);

  /// Appends some of the rows as bytes that Decode takes.
  void Encode(std::span<const std::int32_t> chosen, std::string& out) const;
  /// kCorruption for anything else.
  Status Decode(std::string_view page);

  const AggregatePlan& plan;
  std::int64_t rows = 0;
  std::uint32_t source = 0;
  std::vector<ValueBlock> groups;
  std::vector<ValueBlock> values;  ///< One for each of plan.columns.
  ValueBlock sequence;             ///< When plan.needs_sequence.
  /// The place of each row among all that whoever counts them has met; empty when nobody does.
  std::vector<std::uint64_t> ordinals;
};

}  // namespace granary::query
