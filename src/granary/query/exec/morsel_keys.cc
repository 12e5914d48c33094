#include "granary/query/exec/morsel_keys.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>

#include "granary/query/exec/common_type.h"
#include "granary/query/exec/morsel_columns.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/query/exec/sort_key.h"

namespace granary::query {
namespace {

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

/// Whether bounds are in the order of the rows.
bool StatsOrder(const OrderColumn& order, std::size_t source) {
  return order.bound.refs[source] && order.form != KeyForm::kJson;
}

/// Refuses nothing where statistics do not say. StatsOrder holds.
Status SetPrefixes(const SearchPlan& plan, const storage::SegmentReader& reader,
                   RankedMorsel& ranked) {
  const Morsel& morsel = ranked.morsel;
  const OrderColumn& order = plan.order.front();
  const auto& ref = order.bound.refs[morsel.source];
  StatsView view =
      StatsView::OfRowGroup(reader, morsel.row_group, *plan.keys[morsel.source].snapshot().schema);
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

constexpr std::size_t kManySegments = 64;  ///< Fewer are not worth other threads.

/// A segment's morsels stand side by side, so each file is asked for once. Where there are more than
/// may be open they are opened a second time, by as many threads as the first.
Status SetAllPrefixes(const SearchPlan& plan, const QueryContext& context,
                      std::vector<RankedMorsel>& morsels) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < morsels.size(); ++i) {
    if (i == 0 || morsels[i].morsel.segment != morsels[i - 1].morsel.segment) begins.push_back(i);
  }
  const std::size_t parallelism = begins.size() < kManySegments ? 1 : context.parallelism;
  return context.pool.ParallelFor(begins.size(), parallelism, [&](std::size_t run) -> Status {
    GRANARY_TRY(context.cancel.Check());
    const std::size_t end = run + 1 < begins.size() ? begins[run + 1] : morsels.size();
    const Morsel& first = morsels[begins[run]].morsel;
    if (first.segment == nullptr || !StatsOrder(plan.order.front(), first.source))
      return Status::Ok();
    GRANARY_ASSIGN(const auto reader, first.segment->Reader());
    for (std::size_t i = begins[run]; i < end; ++i)
      GRANARY_TRY(SetPrefixes(plan, *reader, morsels[i]));
    return Status::Ok();
  });
}

}  // namespace

Result<std::vector<RankedMorsel>> ListRankedMorsels(const SearchPlan& plan,
                                                    const QueryAccess& access,
                                                    const QueryContext& context,
                                                    QueryStats& stats) {
  std::vector<RankedMorsel> morsels;
  for (std::size_t source = 0; source < plan.keys.size(); ++source) {
    const SourceScan& scan = plan.keys[source];
    const AccessPlan& of_source = access.sources[source];
    GRANARY_ASSIGN(auto groups,
                   scan.RowGroups(source, of_source, of_source.segments, context, stats));
    for (Morsel& chunk : scan.HotChunks(source, of_source, context, stats))
      groups.push_back(std::move(chunk));
    for (Morsel& morsel : groups) morsels.emplace_back().morsel = std::move(morsel);
  }
  GRANARY_TRY(SetAllPrefixes(plan, context, morsels));
  std::stable_sort(morsels.begin(), morsels.end(),
                   [](const RankedMorsel& a, const RankedMorsel& b) { return a.best < b.best; });
  return morsels;
}

Result<Shown> ShownKey(const SearchPlan& plan, const OrderedPosition& position) {
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

Status MorselKeys::Add(const RankedMorsel& ranked, std::uint32_t number,
                       const QueryContext& context, TopRows& top,
                       const std::function<Status()>& after_block) {
  if (top.Refuses(ranked.best) || (shown_ && ranked.worst < shown_->prefix)) return Status::Ok();
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
  for (std::int64_t first = 0; first < scanned.matches(); first += context.batch_rows) {
    GRANARY_TRY(context.cancel.Check());
    const std::int64_t count = std::min(context.batch_rows, scanned.matches() - first);
    for (std::size_t i = 0; i < columns.size(); ++i)
      GRANARY_TRY(columns[i].Load(first, count, InputOf(plan_.order[i], source), blocks_[i]));
    AddRows(scanned, first, number, source, top);
    GRANARY_TRY(after_block());
  }
  return Status::Ok();
}

void MorselKeys::AddRows(const ScannedRows& scanned, std::int64_t first, std::uint32_t number,
                         std::size_t source, TopRows& top) {
  const auto& sequences = static_cast<const arrow::Int64Array&>(
      *scanned.batch->column(plan_.sequence_positions[source]));
  SortPrefixes(blocks_[0], plan_.order[0].form, plan_.order[0].direction, prefixes_);
  for (std::size_t i = 0; i < prefixes_.size(); ++i) {
    if (top.Refuses(prefixes_[i]) || (shown_ && prefixes_[i] < shown_->prefix)) continue;
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
    top.Add(std::move(ranked));
  }
}

Result<OrderedPosition> PositionOf(const SearchPlan& plan, const Morsel& morsel, std::int32_t row,
                                   const QueryContext& context, QueryStats& stats) {
  const std::size_t source = morsel.source;
  GRANARY_ASSIGN(ScannedRows scanned, plan.keys[source].ReadAll(morsel, context, stats));
  scanned.selected.emplace(1, row);
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
  position.sequence = static_cast<std::uint64_t>(sequences.Value(row));
  return position;
}

}  // namespace granary::query
