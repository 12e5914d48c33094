#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <limits>
#include <map>

#include "granary/query/exec/common_type.h"
#include "granary/query/exec/freed_later.h"
#include "granary/query/exec/morsel_columns.h"
#include "granary/query/exec/result_rows.h"
#include "granary/query/exec/search_paths.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/query/exec/top_rows.h"

namespace granary::query {
namespace {

/// A morsel, and the best and the worst key prefix that its statistics allow.
struct RankedMorsel {
  Morsel morsel;
  std::uint64_t best = 0;
  std::uint64_t worst = ~std::uint64_t{0};
};

const DataType& InputOf(const OrderColumn& order, std::size_t source) {
  const auto& ref = order.bound.refs[source];
  return order.own_types && ref ? ref->type : order.input;
}

Result<std::uint64_t> PrefixOf(const SearchPlan& plan, std::size_t source, const DataType& type,
                               const Value& value) {
  const OrderColumn& order = plan.order.front();
  GRANARY_ASSIGN(const auto array, MakeConstantArray(type, value, 1));
  ValueBlock block;
  GRANARY_TRY(block.Load(*array, type, InputOf(order, source), {0, 1, nullptr}));
  std::vector<std::uint64_t> prefixes;
  SortPrefixes(block, order.form, order.direction, prefixes);
  return prefixes.front();
}

/// Refuses nothing where statistics do not say.
Status SetPrefixes(const SearchPlan& plan, RankedMorsel& ranked) {
  const Morsel& morsel = ranked.morsel;
  const OrderColumn& order = plan.order.front();
  const auto& ref = order.bound.refs[morsel.source];
  if (morsel.reader == nullptr || !ref || order.form == KeyForm::kJson) return Status::Ok();
  StatsView view = StatsView::OfRowGroup(*morsel.reader, morsel.row_group,
                                         *plan.keys[morsel.source].snapshot().schema);
  const ColumnStats* stats = view.Find(ref->id);
  const bool descending = order.direction == Direction::kDescending;
  if (stats == nullptr) return Status::Ok();
  // NaN is above all numbers, and nulls are last: neither is in the bounds.
  const bool nan = ref->type.IsFloat() && stats->may_have_nan;
  const Value& best = descending ? stats->max : stats->min;
  const Value& worst = descending ? stats->min : stats->max;
  if (!IsNull(best) && !(descending && nan)) {
    GRANARY_ASSIGN(ranked.best, PrefixOf(plan, morsel.source, ref->type, best));
  }
  if (!IsNull(worst) && stats->nulls == std::uint64_t{0} && (descending || !nan)) {
    GRANARY_ASSIGN(ranked.worst, PrefixOf(plan, morsel.source, ref->type, worst));
  }
  return Status::Ok();
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
      RankedMorsel& ranked = morsels.emplace_back();
      ranked.morsel = std::move(morsel);
      GRANARY_TRY(SetPrefixes(plan, ranked));
    }
  }
  std::stable_sort(morsels.begin(), morsels.end(),
                   [](const RankedMorsel& a, const RankedMorsel& b) { return a.best < b.best; });
  return morsels;
}

/// The key of the last row that was shown; only greater ones are ranked.
struct Shown {
  std::uint64_t prefix = 0;
  std::string key;
};

Result<Shown> KeyOf(const SearchPlan& plan, const OrderedPosition& position) {
  Shown shown;
  for (std::size_t i = 0; i < plan.order.size(); ++i) {
    const OrderColumn& order = plan.order[i];
    const auto& [type, value] = position.keys[i];
    // What was written with one type compares as the column's type of now; mixed numbers compare
    // as they are.
    const DataType& input = order.own_types ? type : order.input;
    std::shared_ptr<arrow::Array> array;  // The block's values are in it.
    ValueBlock block;
    if (IsNull(value)) {
      block.LoadNulls(input, 1);
    } else {
      if (!(type == input) && CommonType(type, input) != input) {
        return Status(Code::kCursorExpired,
                      "a column that the search is ordered by has another type by now");
      }
      GRANARY_ASSIGN(array, MakeConstantArray(type, value, 1));
      GRANARY_TRY(block.Load(*array, type, input, {0, 1, nullptr}));
    }
    if (i == 0) {
      std::vector<std::uint64_t> prefixes;
      SortPrefixes(block, order.form, order.direction, prefixes);
      shown.prefix = prefixes.front();
    }
    AppendSortKey(block, 0, order.form, order.direction, shown.key);
  }
  AppendBigEndian(position.sequence, shown.key);
  AppendBigEndian(position.source, shown.key);
  return shown;
}

/// Ranks the rows of morsels, one after the other, on one thread.
class Ranker {
 public:
  Ranker(const SearchPlan& plan, std::optional<std::uint64_t> limit, SharedCeiling& ceiling,
         const std::optional<Shown>& shown)
      : plan_(plan), top_(limit, ceiling), shown_(shown), blocks_(plan.order.size()) {}

  Status Add(const RankedMorsel& ranked, std::uint32_t number, const QueryContext& context) {
    if (top_.Refuses(ranked.best) || (shown_ && ranked.worst < shown_->prefix)) return Status::Ok();
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
  std::size_t rows() const { return top_.size(); }
  const QueryStats& stats() const { return stats_; }

 private:
  void AddRows(const ScannedRows& scanned, const arrow::Int64Array& sequences, std::int64_t first,
               std::uint32_t number, std::size_t source) {
    SortPrefixes(blocks_[0], plan_.order[0].form, plan_.order[0].direction, prefixes_);
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
      if (top_.Refuses(prefixes_[i]) || (shown_ && prefixes_[i] < shown_->prefix)) continue;
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
      if (shown_ && ranked.key <= shown_->key) continue;
      top_.Add(std::move(ranked));
    }
  }

  const SearchPlan& plan_;
  TopRows top_;
  const std::optional<Shown>& shown_;
  QueryStats stats_;
  std::vector<ValueBlock> blocks_;
  std::vector<std::uint64_t> prefixes_;
};

using Rankers = std::vector<Ranker>;
using RankedRows = std::vector<RankedRow>;

std::size_t PiecesOfRows(const RankedRows& rows) { return rows.size(); }
std::size_t PiecesOfRankers(const Rankers& rankers) {
  std::size_t pieces = 0;
  for (const Ranker& ranker : rankers) pieces += ranker.rows();
  return pieces;
}

Result<std::vector<RankedRow>> Rank(const SearchPlan& plan,
                                    const std::vector<RankedMorsel>& morsels,
                                    std::optional<std::uint64_t> limit,
                                    const std::optional<Shown>& shown, const QueryContext& context,
                                    QueryStats& stats) {
  SharedCeiling ceiling;
  FreedLater<Rankers> rankers(context.pool, &PiecesOfRankers);
  const std::size_t workers =
      std::min(std::max<std::size_t>(context.parallelism, 1), morsels.size());
  for (std::size_t i = 0; i < workers; ++i) rankers->emplace_back(plan, limit, ceiling, shown);
  std::atomic<std::size_t> next{0};
  GRANARY_TRY(context.pool.ParallelFor(workers, workers, [&](std::size_t worker) -> Status {
    for (std::size_t i = next++; i < morsels.size(); i = next++) {
      GRANARY_TRY((*rankers)[worker].Add(morsels[i], static_cast<std::uint32_t>(i), context));
    }
    return Status::Ok();
  }));
  FreedLater<RankedRows> all(context.pool, &PiecesOfRows);
  for (Ranker& ranker : *rankers) {
    stats.Add(ranker.stats());
    RankedRows rows = ranker.TakeRows();
    std::move(rows.begin(), rows.end(), std::back_inserter(*all));
  }
  return BestOf(*all, limit, context.cancel);
}

/// Reads the values that a row is ordered by once more.
Result<OrderedPosition> PositionOf(const SearchPlan& plan, const Morsel& morsel,
                                   const RankedRow& row, const QueryContext& context,
                                   QueryStats& stats) {
  const std::size_t source = morsel.source;
  ScannedRows scanned;
  scanned.rows = morsel.rows;
  GRANARY_ASSIGN(scanned.batch, plan.keys[source].ReadAll(morsel, context, stats));
  scanned.selected.emplace(1, row.row);
  OrderedPosition position;
  position.source = plan.source_ranks[source];
  for (const OrderColumn& order : plan.order) {
    GRANARY_ASSIGN(const MorselColumn column,
                   MorselColumn::Make(scanned, order.bound.refs[source], order.positions[source],
                                      ColumnUse::kValues));
    const DataType& type = InputOf(order, source);
    ValueBlock block;
    GRANARY_TRY(column.Load(0, 1, type, block));
    position.keys.push_back({type, block.IsValid(0) ? block.ValueOf(0) : Value()});
  }
  const auto& sequences = static_cast<const arrow::Int64Array&>(
      *scanned.batch->column(plan.sequence_positions[source]));
  position.sequence = static_cast<std::uint64_t>(sequences.Value(row.row));
  return position;
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

/// The columns to show of the rows of each share.
Status Fetch(const SearchPlan& plan, const std::vector<RankedMorsel>& morsels,
             const QueryContext& context, std::vector<Share>& shares, QueryStats& stats) {
  std::vector<QueryStats> parts(shares.size());
  GRANARY_TRY(
      context.pool.ParallelFor(shares.size(), context.parallelism, [&](std::size_t i) -> Status {
        GRANARY_TRY(context.cancel.Check());
        Share& share = shares[i];
        const Morsel& morsel = morsels[share.morsel].morsel;
        GRANARY_ASSIGN(const auto decoded,
                       plan.rows[morsel.source].ReadAll(morsel, context, parts[i]));
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
    GRANARY_ASSIGN(const ResultBatch run, source.ordered->Slice(source.emitted, rows));
    GRANARY_TRY(sink(run));
    source.emitted += rows;
    place = end;
  }
  return Status::Ok();
}

}  // namespace

Result<QueryStats> SearchOrdered(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                 const QueryContext& context, const SearchSink& sink,
                                 const OrderedPosition* after,
                                 std::optional<OrderedPosition>* next) {
  QueryStats stats;
  if (limit == 0) return stats;
  std::optional<Shown> shown;
  if (after != nullptr) {
    GRANARY_ASSIGN(shown, KeyOf(plan, *after));
  }
  // One more than wanted tells whether there are more.
  std::optional<std::uint64_t> wanted = limit;
  if (wanted && next != nullptr && *wanted < std::numeric_limits<std::uint64_t>::max()) ++*wanted;
  GRANARY_ASSIGN(const auto morsels,
                 ListMorsels(plan, shown ? std::nullopt : wanted, context, stats));
  FreedLater<RankedRows> ranked(context.pool, &PiecesOfRows);
  GRANARY_ASSIGN(*ranked, Rank(plan, morsels, wanted, shown, context, stats));
  if (limit && ranked->size() > *limit) {
    ranked->resize(*limit);
    GRANARY_ASSIGN(*next, PositionOf(plan, morsels[ranked->back().morsel].morsel, ranked->back(),
                                     context, stats));
  }
  GRANARY_ASSIGN(std::vector<Share> shares, SharesOf(*ranked, morsels.size(), context.cancel));
  GRANARY_TRY(Fetch(plan, morsels, context, shares, stats));
  GRANARY_TRY(Emit(morsels, *ranked, std::move(shares), context, sink));
  return stats;
}

}  // namespace granary::query
