#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>

#include "granary/query/exec/morsel_columns.h"
#include "granary/query/exec/result_rows.h"
#include "granary/query/exec/search_paths.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/query/exec/top_rows.h"

namespace granary::query {
namespace {

/// A morsel and the best key prefix that its statistics allow.
struct RankedMorsel {
  Morsel morsel;
  std::uint64_t best = 0;
};

const DataType& InputOf(const OrderColumn& order, std::size_t source) {
  const auto& ref = order.bound.refs[source];
  return order.own_types && ref ? ref->type : order.input;
}

/// 0, which refuses nothing, when statistics do not say.
Result<std::uint64_t> BestPrefix(const SearchPlan& plan, const Morsel& morsel) {
  const OrderColumn& order = plan.order.front();
  const auto& ref = order.bound.refs[morsel.source];
  if (morsel.reader == nullptr || !ref || order.form == KeyForm::kJson) return std::uint64_t{0};
  StatsView view = StatsView::OfRowGroup(*morsel.reader, morsel.row_group,
                                         *plan.keys[morsel.source].snapshot().schema);
  const ColumnStats* stats = view.Find(ref->id);
  const bool descending = order.direction == Direction::kDescending;
  if (stats == nullptr || (descending && ref->type.IsFloat() && stats->may_have_nan))
    return std::uint64_t{0};
  const Value& best = descending ? stats->max : stats->min;
  if (IsNull(best)) return std::uint64_t{0};
  GRANARY_ASSIGN(const auto array, MakeConstantArray(ref->type, best, 1));
  ValueBlock block;
  GRANARY_TRY(block.Load(*array, ref->type, InputOf(order, morsel.source), {0, 1, nullptr}));
  std::vector<std::uint64_t> prefixes;
  SortPrefixes(block, order.form, order.direction, prefixes);
  return prefixes.front();
}

/// With one order column of the source's own type, B-trees over it tell the first rows.
Result<std::vector<Morsel>> RowGroups(const SearchPlan& plan, std::size_t source,
                                      std::optional<std::uint64_t> limit,
                                      const QueryContext& context, QueryStats& stats) {
  const SourceScan& scan = plan.keys[source];
  const auto live = scan.LiveSegments(stats);
  const OrderColumn& order = plan.order.front();
  const auto& ref = order.bound.refs[source];
  const bool by_index = limit && plan.order.size() == 1 && ref && ref->path.empty() &&
                        order.form == KeyForm::kPlain && ref->id != kSequenceColumnId;
  if (!by_index) return scan.RowGroups(source, live, context, stats);
  const auto direction = order.direction == Direction::kDescending ? storage::KeyOrder::kDescending
                                                                   : storage::KeyOrder::kAscending;
  return scan.FirstRowGroups(source, live, {ref->id, ref->name, ref->type}, direction, *limit,
                             context, stats);
}

/// The most promising first, so that the ceiling comes down early.
Result<std::vector<RankedMorsel>> ListMorsels(const SearchPlan& plan,
                                              std::optional<std::uint64_t> limit,
                                              const QueryContext& context, QueryStats& stats) {
  std::vector<RankedMorsel> morsels;
  for (std::size_t source = 0; source < plan.keys.size(); ++source) {
    const SourceScan& scan = plan.keys[source];
    GRANARY_ASSIGN(auto groups, RowGroups(plan, source, limit, context, stats));
    for (Morsel& chunk : scan.HotChunks(source)) groups.push_back(std::move(chunk));
    for (Morsel& morsel : groups) {
      GRANARY_ASSIGN(const std::uint64_t best, BestPrefix(plan, morsel));
      morsels.push_back({std::move(morsel), best});
    }
  }
  std::stable_sort(morsels.begin(), morsels.end(),
                   [](const RankedMorsel& a, const RankedMorsel& b) { return a.best < b.best; });
  return morsels;
}

/// Ranks the rows of morsels, one after the other, on one thread.
class Ranker {
 public:
  Ranker(const SearchPlan& plan, std::optional<std::uint64_t> limit, SharedCeiling& ceiling)
      : plan_(plan), top_(limit, ceiling), blocks_(plan.order.size()) {}

  Status Add(const RankedMorsel& ranked, std::uint32_t number, const QueryContext& context) {
    if (top_.Refuses(ranked.best)) return Status::Ok();
    const std::size_t source = ranked.morsel.source;
    GRANARY_ASSIGN(const ScannedRows scanned,
                   plan_.keys[source].Read(ranked.morsel, context, stats_));
    if (scanned.matches() == 0) return Status::Ok();
    std::vector<MorselColumn> columns;
    for (const OrderColumn& order : plan_.order) {
      GRANARY_ASSIGN(MorselColumn column,
                     MorselColumn::Make(scanned, order.bound.refs[source], order.positions[source],
                                        ColumnUse::kValues));
      columns.push_back(std::move(column));
    }
    const auto& sequences = static_cast<const arrow::Int64Array&>(
        *scanned.batch->column(plan_.sequence_positions[source]));
    for (std::int64_t first = 0; first < scanned.matches(); first += context.batch_rows) {
      GRANARY_TRY(context.cancel.Check());
      const std::int64_t count = std::min(context.batch_rows, scanned.matches() - first);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        GRANARY_TRY(columns[i].Load(first, count, InputOf(plan_.order[i], source), blocks_[i]));
      }
      AddRows(scanned, sequences, first, number, source);
    }
    return Status::Ok();
  }

  std::vector<RankedRow> TakeRows() { return std::move(top_).Take(); }
  const QueryStats& stats() const { return stats_; }

 private:
  void AddRows(const ScannedRows& scanned, const arrow::Int64Array& sequences, std::int64_t first,
               std::uint32_t number, std::size_t source) {
    SortPrefixes(blocks_[0], plan_.order[0].form, plan_.order[0].direction, prefixes_);
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
      if (top_.Refuses(prefixes_[i])) continue;
      const auto at = static_cast<std::int64_t>(i);
      const std::int64_t row =
          scanned.selected ? (*scanned.selected)[static_cast<std::size_t>(first + at)] : first + at;
      RankedRow ranked{prefixes_[i], {}, number, static_cast<std::int32_t>(row)};
      for (std::size_t key = 0; key < blocks_.size(); ++key) {
        AppendSortKey(blocks_[key], at, plan_.order[key].form, plan_.order[key].direction,
                      ranked.key);
      }
      AppendBigEndian(static_cast<std::uint64_t>(sequences.Value(row)), ranked.key);
      AppendBigEndian(plan_.source_ranks[source], ranked.key);
      top_.Add(std::move(ranked));
    }
  }

  const SearchPlan& plan_;
  TopRows top_;
  QueryStats stats_;
  std::vector<ValueBlock> blocks_;
  std::vector<std::uint64_t> prefixes_;
};

Result<std::vector<RankedRow>> Rank(const SearchPlan& plan,
                                    const std::vector<RankedMorsel>& morsels,
                                    std::optional<std::uint64_t> limit, const QueryContext& context,
                                    QueryStats& stats) {
  SharedCeiling ceiling;
  std::vector<Ranker> rankers;
  const std::size_t workers =
      std::min(std::max<std::size_t>(context.parallelism, 1), morsels.size());
  for (std::size_t i = 0; i < workers; ++i) rankers.emplace_back(plan, limit, ceiling);
  std::atomic<std::size_t> next{0};
  GRANARY_TRY(context.pool.ParallelFor(workers, workers, [&](std::size_t worker) -> Status {
    for (std::size_t i = next++; i < morsels.size(); i = next++) {
      GRANARY_TRY(rankers[worker].Add(morsels[i], static_cast<std::uint32_t>(i), context));
    }
    return Status::Ok();
  }));
  std::vector<std::vector<RankedRow>> rows;
  for (Ranker& ranker : rankers) {
    stats.Add(ranker.stats());
    rows.push_back(ranker.TakeRows());
  }
  return BestOf(std::move(rows), limit);
}

/// The rows that one morsel contributes, and where they go in the answer.
struct Share {
  std::uint32_t morsel = 0;
  std::optional<std::vector<std::int32_t>> rows = std::vector<std::int32_t>();
  std::vector<std::size_t> places;
  std::optional<ResultBatch> result;
};

std::vector<Share> SharesOf(const std::vector<RankedRow>& ranked) {
  std::map<std::uint32_t, Share> shares;
  for (std::size_t place = 0; place < ranked.size(); ++place) {
    Share& share = shares[ranked[place].morsel];
    share.morsel = ranked[place].morsel;
    share.rows->push_back(ranked[place].row);
    share.places.push_back(place);
  }
  std::vector<Share> list;
  for (auto& [morsel, share] : shares) list.push_back(std::move(share));
  return list;
}

/// The columns to show of the rows of each share.
Status Fetch(const SearchPlan& plan, const std::vector<RankedMorsel>& morsels,
             const QueryContext& context, std::vector<Share>& shares, QueryStats& stats) {
  std::vector<QueryStats> parts(shares.size());
  GRANARY_TRY(
      context.pool.ParallelFor(shares.size(), context.parallelism, [&](std::size_t i) -> Status {
        GRANARY_TRY(context.cancel.Check());
        Share& share = shares[i];
        const Morsel& morsel = morsels[share.morsel].morsel;
        GRANARY_ASSIGN(const auto decoded, plan.rows[morsel.source].ReadAll(morsel, parts[i]));
        const auto all = static_cast<std::int64_t>(share.rows->size());
        GRANARY_ASSIGN(share.result, MakeResult(plan, morsel.source, *decoded, share.rows, all));
        return Status::Ok();
      }));
  for (const QueryStats& part : parts) stats.Add(part);
  return Status::Ok();
}

/// All rows of one source, in the answer's order.
struct SourceRows {
  std::vector<ResultBatch> parts;
  std::vector<std::size_t> places;  ///< In the answer, of the parts' rows.
  std::int64_t emitted = 0;
  std::optional<ResultBatch> ordered;

  Status Order() {
    std::vector<std::int64_t> order(places.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return places[static_cast<std::size_t>(a)] < places[static_cast<std::size_t>(b)];
    });
    GRANARY_ASSIGN(ordered, Reorder(parts, order));
    parts.clear();
    return Status::Ok();
  }
};

/// Runs of rows of one source are a batch.
Status Emit(const std::vector<RankedMorsel>& morsels, const std::vector<RankedRow>& ranked,
            std::vector<Share> shares, const QueryContext& context, const SearchSink& sink) {
  std::map<std::size_t, SourceRows> sources;
  for (Share& share : shares) {
    SourceRows& source = sources[morsels[share.morsel].morsel.source];
    source.parts.push_back(std::move(*share.result));
    source.places.insert(source.places.end(), share.places.begin(), share.places.end());
  }
  for (auto& [source, rows] : sources) GRANARY_TRY(rows.Order());
  const auto source_of = [&](std::size_t place) {
    return morsels[ranked[place].morsel].morsel.source;
  };
  for (std::size_t place = 0; place < ranked.size();) {
    std::size_t end = place + 1;
    while (end < ranked.size() && source_of(end) == source_of(place)) ++end;
    SourceRows& source = sources[source_of(place)];
    const auto rows = static_cast<std::int64_t>(end - place);
    ResultBatch run = *source.ordered;
    run.batch = source.ordered->batch->Slice(source.emitted, rows);
    source.emitted += rows;
    GRANARY_TRY(context.cancel.Check());
    GRANARY_TRY(EmitSlices(run, context.batch_rows, sink));
    place = end;
  }
  return Status::Ok();
}

}  // namespace

Result<QueryStats> SearchOrdered(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                 const QueryContext& context, const SearchSink& sink) {
  QueryStats stats;
  if (limit == 0) return stats;
  GRANARY_ASSIGN(const auto morsels, ListMorsels(plan, limit, context, stats));
  GRANARY_ASSIGN(const auto ranked, Rank(plan, morsels, limit, context, stats));
  std::vector<Share> shares = SharesOf(ranked);
  GRANARY_TRY(Fetch(plan, morsels, context, shares, stats));
  GRANARY_TRY(Emit(morsels, ranked, std::move(shares), context, sink));
  return stats;
}

}  // namespace granary::query
