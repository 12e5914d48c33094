#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>

#include "granary/query/exec/freed_later.h"
#include "granary/query/exec/morsel_keys.h"
#include "granary/query/exec/ordered_spill.h"
#include "granary/query/exec/query_access.h"
#include "granary/query/exec/result_rows.h"
#include "granary/query/exec/search_paths.h"

namespace granary::query {
namespace {

/// What stands in the way of holding all that is needed at once; null while nothing does.
using Obstacle = const runtime::MemoryBudget*;

/// Ranks the rows of morsels, one after the other, on one thread.
struct Ranker {
  Ranker(const SearchPlan& plan, std::optional<std::uint64_t> limit, SharedCeiling& ceiling,
         const std::optional<Shown>& shown)
      : keys(plan, shown), top(limit, ceiling) {}
  MorselKeys keys;
  TopRows top;
};

using Rankers = std::vector<Ranker>;
using RankedRows = std::vector<RankedRow>;

std::size_t PiecesOfRows(const RankedRows& rows) { return rows.size(); }
std::size_t PiecesOfRankers(const Rankers& rankers) {
  std::size_t pieces = 0;
  for (const Ranker& ranker : rankers) pieces += ranker.top.size();
  return pieces;
}

/// What is wanted of an ordered search.
struct Wanted {
  std::optional<std::uint64_t> rows;
  std::optional<Shown> shown;
};

Result<Obstacle> RankMorsels(const SearchPlan& plan, const std::vector<RankedMorsel>& morsels,
                             const Wanted& wanted, const QueryContext& context,
                             runtime::MemoryReservation& held, RankedRows& ranked,
                             QueryStats& stats) {
  SharedCeiling ceiling;
  FreedLater<Rankers> rankers(context.pool, &PiecesOfRankers);
  std::vector<runtime::MemoryReservation> rankers_held;  // Not freed later: the share ends with us.
  const std::size_t workers =
      std::min(std::max<std::size_t>(context.parallelism, 1), morsels.size());
  for (std::size_t i = 0; i < workers; ++i) {
    rankers->emplace_back(plan, wanted.rows, ceiling, wanted.shown);
    rankers_held.emplace_back(context.memory);
  }
  std::atomic<std::size_t> next{0};
  std::atomic<Obstacle> obstacle{nullptr};
  GRANARY_TRY(context.pool.ParallelFor(workers, workers, [&](std::size_t worker) -> Status {
    Ranker& ranker = (*rankers)[worker];
    for (std::size_t i = next++; i < morsels.size() && obstacle.load() == nullptr; i = next++) {
      GRANARY_TRY(ranker.keys.Add(
          morsels[i], static_cast<std::uint32_t>(i), context, ranker.top, [&]() -> Status {
            const auto* refused = rankers_held[worker].GrowTo(ranker.top.bytes());
            if (refused != nullptr) obstacle.store(refused);
            return Status::Ok();
          }));
    }
    return Status::Ok();
  }));
  if (obstacle.load() != nullptr) return obstacle.load();
  FreedLater<RankedRows> all(context.pool, &PiecesOfRows);
  std::uint64_t bytes = 0;
  std::size_t count = 0;
  for (const Ranker& ranker : *rankers) count += ranker.top.size();
  all->reserve(count);
  for (Ranker& ranker : *rankers) {
    stats.Add(ranker.keys.stats());
    bytes += ranker.top.bytes();
    FreedLater<RankedRows> rows(context.pool, &PiecesOfRows, std::move(ranker.top).Take());
    for (std::size_t i = 0; i < rows->size(); ++i) {
      if (i % kFreedAtOnce == 0) GRANARY_TRY(context.cancel.Check());
      all->push_back(std::move((*rows)[i]));
    }
  }
  rankers_held.clear();
  // The rows, and once more those that are sorted; their keys are moved.
  if (Obstacle refused = held.GrowTo(bytes + all->size() * sizeof(RankedRow))) return refused;
  GRANARY_ASSIGN(ranked, BestOf(*all, wanted.rows, context.cancel));
  return nullptr;
}

/// The rows that one morsel contributes, and where they go in the answer.
struct Share {
  std::uint32_t morsel = 0;
  std::optional<std::vector<std::int32_t>> rows = std::vector<std::int32_t>();
  std::vector<std::size_t> places;
  std::optional<ResultBatch> result;
};

Result<std::vector<Share>> SharesOf(const RankedRows& ranked, std::size_t morsels,
                                    const runtime::CancelToken& cancel) {
  std::vector<Share> shares(morsels);
  for (std::size_t place = 0; place < ranked.size(); ++place) {
    if (place % kFreedAtOnce == 0) GRANARY_TRY(cancel.Check());
    Share& share = shares[ranked[place].morsel];
    share.morsel = ranked[place].morsel;
    share.rows->push_back(ranked[place].row);
    share.places.push_back(place);
  }
  std::erase_if(shares, [](const Share& share) { return share.places.empty(); });
  return shares;
}

// Rows as they are fetched, all of them in a row, and in their order.
constexpr std::uint64_t kCopiesOfRows = 3;

/// The columns to show of the rows of each share.
Result<Obstacle> Fetch(const SearchPlan& plan, const std::vector<RankedMorsel>& morsels,
                       const QueryContext& context, runtime::MemoryReservation& held,
                       std::vector<Share>& shares, QueryStats& stats) {
  std::vector<QueryStats> parts(shares.size());
  std::mutex mutex;
  std::uint64_t bytes = held.bytes();
  Obstacle obstacle = nullptr;
  GRANARY_TRY(
      context.pool.ParallelFor(shares.size(), context.parallelism, [&](std::size_t i) -> Status {
        GRANARY_TRY(context.cancel.Check());
        {
          const std::lock_guard lock(mutex);
          if (obstacle != nullptr) return Status::Ok();
        }
        Share& share = shares[i];
        const Morsel& morsel = morsels[share.morsel].morsel;
        GRANARY_ASSIGN(const auto decoded,
                       plan.rows[morsel.source].ReadAll(morsel, context, parts[i]));
        const auto all = static_cast<std::int64_t>(share.rows->size());
        GRANARY_ASSIGN(share.result,
                       MakeResult(plan, morsel.source, *decoded.batch, share.rows, all));
        const std::lock_guard lock(mutex);
        bytes += kCopiesOfRows *
                 static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*share.result->batch));
        if (obstacle == nullptr) obstacle = held.GrowTo(bytes);
        return Status::Ok();
      }));
  for (const QueryStats& part : parts) stats.Add(part);
  return obstacle;
}

/// All rows of one source, in the answer's order.
struct SourceRows {
  std::vector<ResultBatch> parts;
  std::vector<std::size_t> places;  ///< In the answer, of the parts' rows.
  std::int64_t emitted = 0;
  std::optional<ReorderedRows> ordered;

  /// `total` rows are in the answer.
  Status Order(std::size_t total, const runtime::CancelToken& cancel) {
    std::vector<std::int64_t> row_at(total, -1);
    for (std::size_t i = 0; i < places.size(); ++i)
      row_at[places[i]] = static_cast<std::int64_t>(i);
    std::erase(row_at, -1);
    GRANARY_ASSIGN(ordered, ReorderedRows::Make(parts, std::move(row_at), cancel));
    parts.clear();
    return Status::Ok();
  }
};

/// Runs of rows of one source are a batch, of at most context.batch_rows.
Status Emit(const std::vector<RankedMorsel>& morsels, const std::vector<RankedRow>& ranked,
            std::vector<Share> shares, const QueryContext& context, const SearchSink& sink) {
  std::map<std::size_t, SourceRows> sources;
  for (Share& share : shares) {
    SourceRows& source = sources[morsels[share.morsel].morsel.source];
    source.parts.push_back(std::move(*share.result));
    source.places.insert(source.places.end(), share.places.begin(), share.places.end());
  }
  for (auto& [source, rows] : sources) GRANARY_TRY(rows.Order(ranked.size(), context.cancel));
  const auto source_of = [&](std::size_t place) {
    return morsels[ranked[place].morsel].morsel.source;
  };
  for (std::size_t place = 0; place < ranked.size();) {
    const std::size_t most =
        std::min(ranked.size(), place + static_cast<std::size_t>(context.batch_rows));
    std::size_t end = place + 1;
    while (end < most && source_of(end) == source_of(place)) ++end;
    SourceRows& source = sources[source_of(place)];
    const auto rows = static_cast<std::int64_t>(end - place);
    GRANARY_TRY(context.cancel.Check());
    GRANARY_ASSIGN(ResultBatch run, source.ordered->Slice(source.emitted, rows));
    for (std::size_t i = place; context.wants_keys && i < end; ++i)
      run.keys.push_back(ranked[i].key);
    GRANARY_TRY(sink(run));
    source.emitted += rows;
    place = end;
  }
  return Status::Ok();
}

/// Null, or what is in the way; then the sink has seen nothing, and `stats` count nothing.
Result<Obstacle> SearchInMemory(const SearchPlan& plan, const std::vector<RankedMorsel>& morsels,
                                std::optional<std::uint64_t> limit, const Wanted& wanted,
                                const QueryContext& context, const SearchSink& sink,
                                std::optional<OrderedPosition>* next, QueryStats& stats) {
  QueryStats mine;
  runtime::MemoryReservation held(context.memory);
  FreedLater<RankedRows> ranked(context.pool, &PiecesOfRows);
  GRANARY_ASSIGN(Obstacle obstacle,
                 RankMorsels(plan, morsels, wanted, context, held, *ranked, mine));
  if (obstacle != nullptr) return obstacle;
  const std::optional<RankedRow> last =
      limit && *limit < ranked->size() ? std::optional((*ranked)[*limit - 1]) : std::nullopt;
  if (last) ranked->resize(*limit);
  GRANARY_ASSIGN(std::vector<Share> shares, SharesOf(*ranked, morsels.size(), context.cancel));
  GRANARY_ASSIGN(obstacle, Fetch(plan, morsels, context, held, shares, mine));
  if (obstacle != nullptr) return obstacle;
  if (last) {
    GRANARY_ASSIGN(*next, PositionOf(plan, morsels[last->morsel].morsel, last->row, context, mine));
  }
  stats.Add(mine);
  GRANARY_TRY(Emit(morsels, *ranked, std::move(shares), context, sink));
  return nullptr;
}

}  // namespace

Result<QueryStats> SearchOrdered(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                 const QueryContext& given, const SearchSink& sink,
                                 const OrderedPosition* after,
                                 std::optional<OrderedPosition>* next) {
  QueryStats stats;
  if (limit == 0) return stats;
  Wanted wanted;
  if (after != nullptr) {
    GRANARY_ASSIGN(wanted.shown, ShownKey(plan, *after));
  }
  // One more than wanted tells whether there are more.
  wanted.rows = limit;
  if (limit && next != nullptr && *limit < std::numeric_limits<std::uint64_t>::max())
    ++*wanted.rows;
  GRANARY_ASSIGN(const QueryAccess access,
                 PlanOrderedAccess(plan, wanted.shown ? std::nullopt : wanted.rows, given, stats));
  const QueryContext context = access.With(given);
  GRANARY_ASSIGN(const auto morsels, ListRankedMorsels(plan, access, context, stats));
  GRANARY_ASSIGN(const Obstacle obstacle,
                 SearchInMemory(plan, morsels, limit, wanted, context, sink, next, stats));
  if (obstacle == nullptr) return stats;
  if (context.spill == nullptr) return Outgrown(*obstacle, context);
  if (context.record != nullptr) context.record->miscounts = true;  // They are read again.
  GRANARY_TRY(SpillOrdered(plan, morsels, limit, wanted.shown, context, sink, next, stats));
  return stats;
}

}  // namespace granary::query
