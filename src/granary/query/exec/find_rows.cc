#include "granary/query/exec/find_rows.h"

#include <mutex>
#include <utility>
#include <vector>

#include "granary/query/exec/compiled_patterns.h"
#include "granary/query/exec/source_columns.h"
#include "granary/query/exec/source_scan.h"

namespace granary::query {
namespace {

void AddMatches(const Morsel& morsel, const ScannedRows& scanned, storage::RowSet& rows) {
  const std::uint64_t begin = static_cast<std::uint64_t>(morsel.group_begin);
  const auto add = [&](std::int64_t row) {
    rows.Add(static_cast<std::uint32_t>(begin + static_cast<std::uint64_t>(morsel.RowIn(row))));
  };
  if (scanned.selected) {
    for (const std::int32_t row : *scanned.selected) add(row);
  } else if (morsel.picked == nullptr && morsel.spans == nullptr) {
    rows.AddRange(begin, begin + static_cast<std::uint64_t>(morsel.rows));
  } else {
    for (std::int64_t row = 0; row < morsel.rows; ++row) add(row);
  }
}

storage::RowSet AllLeft(const PlannedSegment& live) {
  storage::RowSet rows;
  rows.AddRange(0, live.segment->meta().rows);
  if (live.deleted != nullptr) rows.RemoveAll(*live.deleted);
  return rows;
}

}  // namespace

Result<storage::MatchedRows> FindRows(const std::optional<Filter>& asked,
                                      const storage::SourceSnapshot& snapshot,
                                      const QueryContext& given) {
  // A delete looks again after its flush, and what matches whole is not read at all: nothing to
  // learn from.
  QueryContext context = given;
  context.record = nullptr;
  std::optional<Filter> filter = asked;
  runtime::MemoryReservation patterns(context.memory);
  if (filter && HasPatterns(*filter)) GRANARY_TRY(CompilePatterns(*filter, context, patterns));
  storage::MatchedRows matched;
  const std::vector<storage::SourceSnapshot> sources = {snapshot};
  GRANARY_ASSIGN(const auto bound, BindSources(filter, sources));
  QueryStats stats;
  std::mutex mutex;
  for (const BoundSource& source : bound) {
    GRANARY_ASSIGN(const SourceScan scan, SourceScan::Make(*source.snapshot, source.predicate, {}));
    GRANARY_ASSIGN(const AccessPlan plan, scan.Plan({}, context, stats));
    std::vector<PlannedSegment> to_read;
    for (const PlannedSegment& planned : plan.segments) {
      if (planned.all_match)
        matched.segments[planned.segment->meta().id] = AllLeft(planned);
      else
        to_read.push_back(planned);
    }
    GRANARY_ASSIGN(std::vector<Morsel> morsels, scan.RowGroups(0, plan, to_read, context, stats));
    for (Morsel& chunk : scan.HotChunks(0, plan, context, stats))
      morsels.push_back(std::move(chunk));
    GRANARY_TRY(
        context.pool.ParallelFor(morsels.size(), context.parallelism, [&](std::size_t i) -> Status {
          QueryStats own;
          GRANARY_ASSIGN(const ScannedRows scanned, scan.Read(morsels[i], context, own));
          if (scanned.matches() == 0) return Status::Ok();
          const std::lock_guard lock(mutex);
          if (morsels[i].chunk != nullptr)
            matched.hot += static_cast<std::uint64_t>(scanned.matches());
          else
            AddMatches(morsels[i], scanned, matched.segments[morsels[i].segment->meta().id]);
          return Status::Ok();
        }));
  }
  return matched;
}

}  // namespace granary::query
