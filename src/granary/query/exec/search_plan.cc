#include "granary/query/exec/search_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "granary/base/wrong_places.h"

namespace granary::query {
namespace {

using Sources = std::vector<storage::SourceSnapshot>;

int Place(const ScanColumn& column, std::vector<ScanColumn>& columns) {
  const auto at = std::find(columns.begin(), columns.end(), column);
  if (at != columns.end()) return static_cast<int>(at - columns.begin());
  columns.push_back(column);
  return static_cast<int>(columns.size() - 1);
}

/// The names to show, each once, and for sources that lack one the type that others give it.
struct Selected {
  std::vector<std::string> names;
  std::vector<DataType> types;
};

Result<Selected> Select(const SearchRequest& request, const Sources& sources) {
  Selected selected;
  WrongPlaces wrong;
  for (std::size_t i = 0; i < request.columns.size(); ++i) {
    const std::string& name = request.columns[i];
    if (std::find(selected.names.begin(), selected.names.end(), name) != selected.names.end())
      continue;
    std::optional<ColumnRef> ref;
    for (const storage::SourceSnapshot& source : sources) {
      if (!ref) ref = ResolveColumn(*source.schema, name);
    }
    if (!ref) {
      wrong.Add(UnknownColumn(fmt::format("/columns/{}", i), name));
      continue;
    }
    selected.names.push_back(name);
    selected.types.push_back(TypeOf(*ref));
  }
  GRANARY_TRY(wrong.Take());
  return selected;
}

std::vector<ShownColumn> ShownOf(const Schema& schema, const Selected& selected,
                                 std::vector<ScanColumn>& output) {
  std::vector<ShownColumn> shown;
  if (selected.names.empty()) {
    for (const Column& column : schema.columns())
      shown.push_back({column, Place(column.id, output), {}});
    return shown;
  }
  for (std::size_t i = 0; i < selected.names.size(); ++i) {
    const auto ref = ResolveColumn(schema, selected.names[i]);
    if (!ref) {
      shown.push_back({{0, selected.names[i], selected.types[i]}, -1, {}});
      continue;
    }
    shown.push_back({{ref->id, selected.names[i], TypeOf(*ref)},
                     Place({ref->id, ref->path}, output),
                     ref->path});
  }
  return shown;
}

/// The type is that over all that `known` binds.
Result<OrderColumn> PlanOrder(const OrderBy& order, const std::vector<BoundSource>& bound,
                              const std::vector<BoundSource>& all, const Sources& known,
                              std::vector<std::vector<ScanColumn>>& outputs) {
  OrderColumn column;
  GRANARY_ASSIGN(column.bound, BindColumn(order.column, order.pointer, all, known));
  column.bound.refs.clear();
  for (const BoundSource& source : bound)
    column.bound.refs.push_back(ResolveColumn(*source.snapshot->schema, order.column));
  column.input = column.bound.type;
  column.direction = order.direction;
  if (column.input.kind() == TypeKind::kList) {
    return Status::Invalid(
        Code::kTypeMismatch, order.pointer,
        fmt::format("\"{}\" is {}, which has no order", order.column, column.input.ToString()));
  }
  if (column.input.kind() == TypeKind::kJson) column.form = KeyForm::kJson;
  if (column.bound.mixed_numbers) {
    column.form = KeyForm::kMixedNumbers;
    column.own_types = true;
  }
  for (std::size_t source = 0; source < bound.size(); ++source) {
    const auto& ref = column.bound.refs[source];
    column.positions.push_back(ref ? Place({ref->id, ref->path}, outputs[source]) : -1);
  }
  return column;
}

std::vector<std::uint32_t> RankById(const std::vector<BoundSource>& bound, const Sources& known) {
  std::vector<std::uint32_t> ranks;
  for (const BoundSource& source : bound) {
    ranks.push_back(static_cast<std::uint32_t>(std::count_if(
        known.begin(), known.end(),
        [&](const storage::SourceSnapshot& other) { return other.id < source.snapshot->id; })));
  }
  return ranks;
}

}  // namespace

Result<SearchPlan> PlanSearch(const SearchRequest& request, const Sources& sources) {
  return PlanSearch(request, sources, sources);
}

Result<SearchPlan> PlanSearch(const SearchRequest& request, const Sources& sources,
                              const Sources& known) {
  return PlanSearch(request, sources, known, known);
}

std::string KeyShapeOf(const SearchPlan& plan) {
  std::string text;
  for (const OrderColumn& order : plan.order) {
    text += order.direction == Direction::kAscending ? '+' : '-';
    text += order.form == KeyForm::kMixedNumbers ? "numbers" : order.input.ToString();
    text += ';';
  }
  return text;
}

Result<SearchPlan> PlanSearch(const SearchRequest& request, const Sources& sources,
                              const Sources& known, const Sources& ranked) {
  SearchPlan plan;
  WrongPlaces wrong;
  std::vector<BoundSource> bound;
  Selected selected;
  wrong.Put(BindSources(request.filter, sources, known), bound);
  wrong.Put(Select(request, known), selected);
  for (const OrderBy& order : request.order_by) {
    if (!HasColumn(known, order.column)) wrong.Add(UnknownColumn(order.pointer, order.column));
  }
  GRANARY_TRY(wrong.Take());
  for (const BoundSource& source : bound) {
    std::vector<ScanColumn> output;
    plan.shown.push_back(ShownOf(*source.snapshot->schema, selected, output));
    GRANARY_ASSIGN(SourceScan scan, SourceScan::Make(*source.snapshot, source.predicate, output));
    plan.rows.push_back(std::move(scan));
  }
  if (request.order_by.empty()) return plan;

  std::vector<BoundSource> all;
  if (&sources == &known) {
    for (const BoundSource& source : bound) all.push_back({source.snapshot, std::nullopt});
  } else {
    GRANARY_ASSIGN(all, BindSources(request.filter, known));
  }
  std::vector<std::vector<ScanColumn>> outputs(bound.size());
  for (const OrderBy& order : request.order_by)
    wrong.Put(PlanOrder(order, bound, all, known, outputs), plan.order.emplace_back());
  GRANARY_TRY(wrong.Take());
  for (std::size_t source = 0; source < bound.size(); ++source) {
    plan.sequence_positions.push_back(Place(kSequenceColumnId, outputs[source]));
    GRANARY_ASSIGN(SourceScan scan, SourceScan::Make(*bound[source].snapshot,
                                                     bound[source].predicate, outputs[source]));
    plan.keys.push_back(std::move(scan));
  }
  plan.source_ranks = RankById(bound, ranked);
  return plan;
}

}  // namespace granary::query
