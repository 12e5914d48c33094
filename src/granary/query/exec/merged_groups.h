// MergedGroups: one aggregate whose rows are in several parts (tenants on nodes of their own), each
// of which is aggregated where it lies; the parts' states (group_states.h) come here and are merged
// as those of several sources of one process are.
//
// Exact      parts are planned over the same sources (those of all parts, in one order), so columns
//            have one type everywhere, and merged in the order of the parts. having, order_by and
//            limit come after merging.
// Part name  a column of group_by may be the part itself (`tenant_id`): states are then computed
//            without it, and groups of two parts are never merged.
// Threads    Add from any thread, one at a time for a part; all else from one.
// Memory     all states, within `memory`: kTooLarge (or kOverloaded) for more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/memory_budget.h"

namespace granary::query {

/// A source of somebody else, of which only what its columns are is known.
storage::SourceSnapshot WithoutRows(const SourceId& id, SchemaPtr schema);

/// An aggregate as its parts compute it.
struct PartedAggregate {
  AggregateRequest request;         ///< Without the column that is the part.
  std::optional<std::size_t> part;  ///< Where that column stands in group_by.
  /// The last aggregation is a count of rows that is not shown: whether there is a group, where a
  /// part alone has no other group_by.
  bool counts_rows = false;
};
/// `part_column` in group_by is the part's name. kInvalidRequest when it is there twice,
/// kTypeMismatch when it has a transform, each with its pointer.
Result<PartedAggregate> SplitByPart(const AggregateRequest& request, std::string_view part_column);

class MergedGroups {
 public:
  /// PlanAggregate's errors, and CheckAnswer's. `names` of the parts, in order. `memory` outlives
  /// it.
  static Result<std::unique_ptr<MergedGroups>> Make(const AggregateRequest& request,
                                                    std::string_view part_column,
                                                    std::vector<storage::SourceSnapshot> sources,
                                                    std::vector<std::string> names,
                                                    runtime::MemoryBudget* memory);

  /// A page of a part's states. kCorruption for what is none: the part is of no use then.
  Status Add(std::size_t part, std::string_view page, const runtime::CancelToken& cancel);
  /// Nothing of this part counts.
  void Leave(std::size_t part);
  /// Hands the answer on; the sink's failure.
  Status Finish(const runtime::CancelToken& cancel, const AggregateSink& sink);

 private:
  struct Part {
    std::string name;
    std::unique_ptr<AggregateTable> table;  ///< Null: nothing came.
    runtime::MemoryReservation held;
  };
  MergedGroups(AggregateRequest request, PartedAggregate parted,
               std::vector<storage::SourceSnapshot> sources);
  Status Merge(const runtime::CancelToken& cancel);
  Status AppendGroups(Part& part, const runtime::CancelToken& cancel, std::size_t columns,
                      std::vector<std::vector<Value>>& values);
  std::vector<AggregateColumn> Columns() const;

  const AggregateRequest request_;
  const PartedAggregate parted_;
  const std::vector<storage::SourceSnapshot> sources_;
  AggregatePlan plan_;  // Of parted_ and sources_.
  std::vector<Part> parts_;
};

}  // namespace granary::query
