// AggregateTable: groups and the state of every aggregate for each; a worker's, and in the end all
// of them.
//
// Kept       a table that is only merged into others any more may outlive its plan: Settle.
// Threads    one writer; once settled, merged from by many.
#pragma once

#include <memory>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/aggregate_blocks.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/group_table.h"
#include "granary/query/exec/query_context.h"

namespace granary::query {

class AggregateTable {
 public:
  explicit AggregateTable(const AggregatePlan& plan, KeyLookup lookup = KeyLookup::kFast,
                          HeldValues held = HeldValues::kAll);

  /// Looks at `cancel` where there is much to move; what was added by then is of no use.
  Status Add(const AggregateBlocks& blocks, const runtime::CancelToken& cancel);
  /// Adds a whole segment by its statistics alone; false, and nothing is changed, when they do not
  /// say enough.
  Result<bool> AddSegment(const storage::Segment& segment, std::size_t source,
                          std::uint64_t deleted_rows = 0);
  /// The same, but after a failure the table is of no use: for those who only want to know whether
  /// statistics say enough.
  bool TakeStats(const storage::Segment& segment, std::size_t source,
                 std::uint64_t deleted_rows = 0);
  /// Looks at `cancel` every few milliseconds; what is merged by then is of no use.
  Status Merge(const AggregateTable& other, const runtime::CancelToken& cancel = {});

  /// Merges what `other` knows of whole segments: what HoldsValues has met none in them.
  Status MergeKnown(const AggregateTable& other);
  /// Merges the groups alone: of their states nothing is of use afterwards.
  Status MergeGroups(const AggregateTable& other, const runtime::CancelToken& cancel) {
    return groups_.Merge(other.groups_, group_of_, cancel);
  }
  /// Takes in the groups of some rows, without any row's values, into group_of().
  Status AddGroups(const std::vector<ValueBlock>& groups, std::int64_t rows,
                   const runtime::CancelToken& cancel);
  Accumulator& accumulator(std::size_t aggregate) { return *accumulators_[aggregate]; }
  /// The groups of rows that were added before, into group_of().
  void FindGroups(const AggregateBlocks& blocks);

  std::size_t groups() const { return groups_.size(); }
  /// The group here of each row that was added last, or of each group that was merged last.
  const std::vector<std::uint32_t>& group_of() const { return group_of_; }
  Value GroupValue(std::size_t column, std::uint32_t group) const {
    return groups_.ValueOf(column, group);
  }
  Value AggregateValue(std::size_t aggregate, std::uint32_t group) {
    return accumulators_[aggregate]->Finish(group);
  }
  /// From now on it is merged into others and no more.
  void Settle() { plan_ = nullptr; }
  /// About the memory that it takes.
  std::uint64_t bytes() const;

 private:
  void Resize();

  const AggregatePlan* plan_;
  GroupTable groups_;
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
  std::vector<std::uint32_t> group_of_;
};

}  // namespace granary::query
