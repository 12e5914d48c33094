// AggregatePlan: an aggregate request checked against its sources: what to read of each, how to
// load it, and what comes out.
//
// Threads    immutable once made; the request and the snapshots outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/group_transform.h"
#include "granary/query/exec/morsel_columns.h"
#include "granary/query/exec/source_columns.h"
#include "granary/query/exec/source_scan.h"

namespace granary::query {

/// A column of the sources that a block is loaded from.
struct PlannedColumn {
  BoundColumn bound;
  DataType input;  ///< Blocks are loaded as this type.
  ColumnUse use = ColumnUse::kValues;
  std::vector<int>
      positions;  ///< One a source: among the scan's output columns; -1 where it lacks it.
};

struct PlannedGroup {
  PlannedColumn column;
  Transformer transformer;
};

struct PlannedAggregate {
  const Aggregation* aggregation = nullptr;
  AggregateShape shape;
  int column = -1;  ///< Position in AggregatePlan::columns; -1 for a count of rows.
};

/// What becomes of the values of an aggregate that HoldsValues.
enum class HeldValues : std::uint8_t {
  kAll,      ///< They are held.
  kCounted,  ///< Somebody else holds them: the aggregate is how many there are, but for nulls.
};

struct AggregatePlan {
  std::vector<SourceScan> scans;  ///< One a source that may contribute.
  std::vector<PlannedGroup> groups;
  std::vector<PlannedColumn> columns;  ///< Of the aggregates, each once.
  std::vector<PlannedAggregate> aggregates;
  std::vector<AggregateColumn> answer;
  bool needs_sequence = false;
  std::vector<int> sequence_positions;  ///< One a source, when needs_sequence.

  std::vector<DataType> GroupTypes() const;
  bool HoldsValues() const;  ///< Some aggregate does.
  /// All in group 0, of zero groups.
  std::vector<std::unique_ptr<Accumulator>> MakeAccumulators(
      KeyLookup lookup = KeyLookup::kFast, HeldValues held = HeldValues::kAll) const;
};

/// RunAggregate's errors about the request, having's and order_by's excepted.
Result<AggregatePlan> PlanAggregate(const AggregateRequest& request,
                                    const std::vector<storage::SourceSnapshot>& sources);

}  // namespace granary::query
