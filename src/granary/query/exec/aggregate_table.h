// AggregateTable: groups and the state of every aggregate for each; a worker's, and in the end all
// of them.
//
// Threads    one writer.
#pragma once

#include <memory>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/group_table.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/source_scan.h"

namespace granary::query {

class AggregateTable {
 public:
  explicit AggregateTable(const AggregatePlan& plan);

  /// Adds the matching rows of a morsel of plan.scans[source].
  Status Add(const ScannedRows& scanned, std::size_t source, const QueryContext& context);
  /// Adds a whole segment by its statistics alone; false, and nothing is changed, when they do not
  /// say enough.
  Result<bool> AddSegment(const storage::Segment& segment, std::size_t source);
  /// Looks at `cancel` between the aggregates; what is merged by then is of no use.
  Status Merge(const AggregateTable& other, const runtime::CancelToken& cancel = {});

  std::size_t groups() const { return groups_.size(); }
  Value GroupValue(std::size_t column, std::uint32_t group) const {
    return groups_.ValueOf(column, group);
  }
  Value AggregateValue(std::size_t aggregate, std::uint32_t group) {
    return accumulators_[aggregate]->Finish(group);
  }

 private:
  struct Columns {
    std::vector<MorselColumn> groups;
    std::vector<MorselColumn> values;
    std::optional<MorselColumn> sequence;
  };
  Result<Columns> Open(const ScannedRows& scanned, std::size_t source) const;
  Status AddRows(const Columns& columns, std::int64_t first, std::int64_t count,
                 std::size_t source);
  Status LoadGroups(const Columns& columns, std::int64_t first, std::int64_t count);
  void Resize();

  const AggregatePlan& plan_;
  GroupTable groups_;
  std::vector<std::unique_ptr<Accumulator>> accumulators_;

  // Reused from block to block.
  std::vector<ValueBlock> group_blocks_;
  std::vector<ValueBlock> value_blocks_;
  ValueBlock sequence_block_;
  std::vector<std::uint32_t> group_of_row_;
};

}  // namespace granary::query
