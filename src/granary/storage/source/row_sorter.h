// RowSorter: rows in order of some columns and, where those are equal, of their sequence, in memory
// that does not grow with their number.
//
// How        rows are gathered up to `run_bytes` and sorted; a run that is followed by more goes to
//            a spill file in blocks, and all runs are merged at the end, a block of each in memory;
//            runs_max of them are merged into one first. Rows that fit one run never touch the
//            disk.
// Order      nulls last, NaN before them.
// Shape      batches whose last column is the sequence, int64 without nulls.
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/runtime/spill_space.h"

namespace granary::storage {

struct RowSorterOptions {
  std::vector<int> keys;  ///< Positions of the columns to sort by.
  std::uint64_t run_bytes = 32u << 20;
  std::size_t runs_max = 64;
};

class RowSorter {
 public:
  using BatchPtr = std::shared_ptr<arrow::RecordBatch>;
  /// Takes rows in order. Its failure ends the sorting; it is also where a caller can stop it.
  using Sink = std::function<Status(const BatchPtr& batch)>;

  /// `spill` outlives it.
  RowSorter(RowSorterOptions options, runtime::SpillSpace& spill);
  ~RowSorter();

  Status Add(BatchPtr batch);
  /// Of what is in memory, behind the last run.
  std::uint64_t held_bytes() const { return held_bytes_; }
  /// Everything that was added, in order; then the sorter is as new.
  Status Finish(const Sink& sink);

 private:
  struct Run;
  class Merge;
  bool IsHeldInOrder() const;
  Result<BatchPtr> SortHeld();
  Status SpillHeld();
  Status MergeRuns(const Sink& sink);
  Status CollapseRuns();

  const RowSorterOptions options_;
  runtime::SpillSpace& spill_;
  std::vector<BatchPtr> held_;
  std::uint64_t held_bytes_ = 0;
  std::shared_ptr<arrow::Schema> schema_;  // Of what is in runs.
  std::vector<Run> runs_;
  std::unique_ptr<runtime::SpillFile> file_;  // Of all runs that are there.
};

}  // namespace granary::storage
