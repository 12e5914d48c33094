#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <limits>

#include "granary/query/exec/ordered_emitter.h"
#include "granary/query/exec/result_rows.h"
#include "granary/query/exec/search_paths.h"

namespace granary::query {
namespace {

/// All morsels; with a limit only as many as surely fill it.
Result<std::vector<Morsel>> ListMorsels(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                        const QueryContext& context, QueryStats& stats) {
  std::vector<Morsel> morsels;
  for (std::size_t source = 0; source < plan.rows.size(); ++source) {
    const SourceScan& scan = plan.rows[source];
    GRANARY_ASSIGN(auto groups, scan.RowGroups(source, scan.LiveSegments(stats), context, stats));
    std::move(groups.begin(), groups.end(), std::back_inserter(morsels));
    for (Morsel& chunk : scan.HotChunks(source)) morsels.push_back(std::move(chunk));
  }
  if (!limit) return morsels;
  std::uint64_t sure = 0;
  std::size_t needed = 0;
  while (needed < morsels.size() && sure < *limit) {
    if (morsels[needed].all_match) sure += static_cast<std::uint64_t>(morsels[needed].rows);
    ++needed;
  }
  morsels.resize(needed);
  return morsels;
}

Result<std::optional<ResultBatch>> Compute(const SearchPlan& plan, const Morsel& morsel,
                                           std::int64_t rows_max, const QueryContext& context,
                                           QueryStats& stats) {
  const SourceScan& scan = plan.rows[morsel.source];
  GRANARY_ASSIGN(ScannedRows scanned, scan.Read(morsel, context, stats));
  if (scanned.matches() == 0) return std::optional<ResultBatch>();
  if (scanned.batch == nullptr) {  // a source without the columns asked for still has rows
    scanned.batch = arrow::RecordBatch::Make(arrow::schema({}), scanned.rows, arrow::ArrayVector());
  }
  GRANARY_ASSIGN(ResultBatch result,
                 MakeResult(plan, morsel.source, *scanned.batch, scanned.selected, rows_max));
  return std::optional<ResultBatch>(std::move(result));
}

}  // namespace

Result<QueryStats> SearchAsStored(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                  const QueryContext& context, const SearchSink& sink) {
  QueryStats stats;
  if (limit == 0) return stats;
  GRANARY_ASSIGN(const auto morsels, ListMorsels(plan, limit, context, stats));
  const auto rows_max = static_cast<std::int64_t>(std::min<std::uint64_t>(
      limit.value_or(UINT64_MAX), std::numeric_limits<std::int64_t>::max()));

  const std::size_t workers =
      std::min(std::max<std::size_t>(context.parallelism, 1), morsels.size());
  OrderedEmitter emitter(sink, limit, context.batch_rows, /*window=*/2 * workers);
  std::vector<QueryStats> worker_stats(workers);
  std::atomic<std::size_t> next{0};
  const Status worked =
      context.pool.ParallelFor(workers, workers, [&](std::size_t worker) -> Status {
        for (std::size_t i = next++; i < morsels.size() && emitter.WaitForTurn(i); i = next++) {
          auto computed = Compute(plan, morsels[i], rows_max, context, worker_stats[worker]);
          if (!computed.ok()) {
            emitter.Stop();
            return computed.status();
          }
          emitter.Deliver(i, computed.Take());
        }
        return Status::Ok();
      });
  GRANARY_TRY(emitter.status());
  GRANARY_TRY(worked);
  for (const QueryStats& part : worker_stats) stats.Add(part);
  return stats;
}

}  // namespace granary::query
