// GroupRun: finished groups of an aggregate in the answer's order, in pages of a temporary file;
// and the merge of several.
//
// Threads    one.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/answer_rows.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/spill_space.h"

namespace granary::query {

/// Where a group was first met: in which lane, and there in which of its rows.
struct FirstMet {
  std::uint32_t lane = 0;
  std::uint64_t row = 0;
  auto operator<=>(const FirstMet&) const = default;
};

struct FinishedGroup {
  FirstMet first;
  std::vector<Value> values;  ///< One for each column of the answer.
};

struct GroupRun {
  std::vector<runtime::SpillExtent> pages;
};

/// Appends groups, which come in order, to pages of about `page_bytes`.
class GroupRunWriter {
 public:
  GroupRunWriter(runtime::SpillFile& file, std::size_t page_bytes)
      : file_(file), page_bytes_(page_bytes) {}
  Status Add(const FinishedGroup& group);
  Result<GroupRun> Finish();

 private:
  Status Flush();

  runtime::SpillFile& file_;
  const std::size_t page_bytes_;
  std::string page_;
  GroupRun run_;
};

/// Calls `each` with all groups in the order of `order`, then of where they were first met, until
/// it says false. Each has so many columns. Looks at `cancel` once in a while.
Status MergeRuns(const std::vector<GroupRun>& runs, const runtime::SpillFile& file,
                 const RowOrder& order, std::size_t columns, const runtime::CancelToken& cancel,
                 const std::function<Result<bool>(FinishedGroup group)>& each);

}  // namespace granary::query
