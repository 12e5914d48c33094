#include "granary/query/exec/aggregate_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "granary/base/wrong_places.h"

namespace granary::query {
namespace {

using Sources = std::vector<storage::SourceSnapshot>;

Status AtPointer(const Status& status, const std::string& pointer) {
  if (status.ok() || !status.fields().empty()) return status;
  return Status::Invalid(status.code(), pointer, std::string(status.message()));
}

/// Which columns each source's scan is to give.
class Outputs {
 public:
  explicit Outputs(std::size_t sources) : columns_(sources) {}

  int Add(std::size_t source, const ScanColumn& column) {
    auto& columns = columns_[source];
    const auto at = std::find(columns.begin(), columns.end(), column);
    if (at != columns.end()) return static_cast<int>(at - columns.begin());
    columns.push_back(column);
    return static_cast<int>(columns.size() - 1);
  }
  void Place(PlannedColumn& column) {
    for (std::size_t source = 0; source < columns_.size(); ++source) {
      const auto& ref = column.bound.refs[source];
      column.positions.push_back(ref ? Add(source, {ref->id, ref->path}) : -1);
    }
  }
  const std::vector<ScanColumn>& of(std::size_t source) const { return columns_[source]; }

 private:
  std::vector<std::vector<ScanColumn>> columns_;
};

Status CheckAliases(const AggregateRequest& request) {
  std::set<std::string> taken;
  WrongPlaces wrong;
  const auto take = [&](const std::string& alias, const std::string& pointer) {
    if (taken.insert(alias).second) return;
    wrong.Add(Status::Invalid(Code::kInvalidRequest, pointer,
                              fmt::format("the alias \"{}\" is taken", alias)));
  };
  for (const GroupBy& group : request.group_by) take(group.alias, group.pointer);
  for (const Aggregation& aggregation : request.aggregations)
    take(aggregation.alias, aggregation.pointer);
  if (!request.aggregations.empty()) return wrong.Take();
  return Status::Invalid(Code::kInvalidRequest, "/aggregations",
                         "at least one aggregation is needed");
}

Status CheckPercentile(const Aggregation& aggregation) {
  if (!IsPercentile(aggregation.type) || (aggregation.p >= 0 && aggregation.p <= 1))
    return Status::Ok();
  return Status::Invalid(Code::kInvalidRequest, aggregation.pointer + "/p",
                         "p must be from 0 to 1");
}

class Planner {
 public:
  Planner(const AggregateRequest& request, const Sources& sources, std::vector<BoundSource> bound)
      : request_(request), sources_(sources), bound_(std::move(bound)), outputs_(bound_.size()) {}

  /// Or with what is wrong in `group_by` and `aggregations` added to `wrong`.
  Result<AggregatePlan> Plan(WrongPlaces& wrong) {
    for (const GroupBy& group : request_.group_by) wrong.Add(AddGroup(group));
    for (const Aggregation& aggregation : request_.aggregations)
      wrong.Add(AddAggregate(aggregation));
    GRANARY_TRY(wrong.Take());
    for (std::size_t source = 0; source < bound_.size(); ++source) {
      if (plan_.needs_sequence)
        plan_.sequence_positions.push_back(outputs_.Add(source, kSequenceColumnId));
      GRANARY_ASSIGN(SourceScan scan,
                     SourceScan::Make(*bound_[source].snapshot, std::move(bound_[source].predicate),
                                      outputs_.of(source)));
      plan_.scans.push_back(std::move(scan));
    }
    return std::move(plan_);
  }

 private:
  Status AddGroup(const GroupBy& group) {
    PlannedColumn column;
    GRANARY_ASSIGN(column.bound, BindColumn(group.column, group.pointer, bound_, sources_));
    const bool is_plain = std::holds_alternative<std::monostate>(group.transform);
    const bool number_texts = column.bound.mixed_numbers && is_plain;
    const DataType type = number_texts ? DataType(TypeKind::kJson) : column.bound.type;
    if (type.kind() == TypeKind::kList) {
      return Status::Invalid(Code::kTypeMismatch, group.pointer,
                             fmt::format("{} cannot be grouped by", type.ToString()));
    }
    GRANARY_ASSIGN(Transformer transformer,
                   Transformer::Make(group.transform, type, group.pointer));
    column.input = transformer.input();
    column.use = number_texts ? ColumnUse::kNumberTexts : ColumnUse::kCanonical;
    outputs_.Place(column);
    plan_.answer.push_back({group.alias, transformer.output(), false, number_texts});
    plan_.groups.push_back({std::move(column), std::move(transformer)});
    return Status::Ok();
  }

  Status AddAggregate(const Aggregation& aggregation) {
    GRANARY_TRY(CheckPercentile(aggregation));
    const std::string pointer = aggregation.pointer + "/column";
    PlannedAggregate planned{&aggregation, {}, -1};
    PlannedColumn column;
    const bool of_rows = !aggregation.column;
    if (!of_rows) {
      GRANARY_ASSIGN(column.bound,
                     aggregation.type == AggregateType::kCount
                         ? BindPresence(*aggregation.column, pointer)
                         : BindColumn(*aggregation.column, pointer, bound_, sources_));
    }
    auto shape = column.bound.mixed_numbers
                     ? MixedShapeOf(aggregation.type, column.bound.type)
                     : ShapeOf(aggregation.type, of_rows ? nullptr : &column.bound.type);
    if (!shape.ok()) return AtPointer(shape.status(), pointer);
    planned.shape = shape.Take();
    if (!of_rows) planned.column = AddColumn(std::move(column), planned);
    plan_.needs_sequence = plan_.needs_sequence || NeedsSequence(aggregation.type);
    const bool shows_texts =
        planned.shape.number_texts && planned.shape.output.kind() == TypeKind::kJson;
    plan_.answer.push_back(
        {aggregation.alias, planned.shape.output, planned.shape.json_integer, shows_texts});
    plan_.aggregates.push_back(std::move(planned));
    return Status::Ok();
  }

  /// Whether values are there needs no type that is common to all sources.
  Result<BoundColumn> BindPresence(const std::string& name, const std::string& pointer) const {
    GRANARY_ASSIGN(BoundColumn column, BindColumn(name, pointer, {}, sources_));
    for (const BoundSource& source : bound_)
      column.refs.push_back(ResolveColumn(*source.snapshot->schema, name));
    return column;
  }

  /// Two aggregates that load the same column alike share it.
  int AddColumn(PlannedColumn column, const PlannedAggregate& aggregate) {
    column.input = aggregate.shape.input;
    const bool count_only = aggregate.aggregation->type == AggregateType::kCount;
    column.use = count_only                     ? ColumnUse::kPresence
                 : aggregate.shape.json_numbers ? ColumnUse::kNumbers
                 : aggregate.shape.number_texts ? ColumnUse::kNumberTexts
                 : aggregate.shape.canonical    ? ColumnUse::kCanonical
                                                : ColumnUse::kValues;
    for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
      if (names_[i] == aggregate.aggregation->column && plan_.columns[i].input == column.input &&
          plan_.columns[i].use == column.use) {
        return static_cast<int>(i);
      }
    }
    outputs_.Place(column);
    plan_.columns.push_back(std::move(column));
    names_.push_back(*aggregate.aggregation->column);
    return static_cast<int>(plan_.columns.size() - 1);
  }

  const AggregateRequest& request_;
  const Sources& sources_;
  std::vector<BoundSource> bound_;
  Outputs outputs_;
  AggregatePlan plan_;
  std::vector<std::string> names_;  ///< Of plan_.columns.
};

}  // namespace

std::vector<DataType> AggregatePlan::GroupTypes() const {
  std::vector<DataType> types;
  for (const PlannedGroup& group : groups) types.push_back(group.transformer.output());
  return types;
}

bool AggregatePlan::HoldsValues() const {
  return std::ranges::any_of(aggregates, [](const PlannedAggregate& aggregate) {
    return query::HoldsValues(aggregate.aggregation->type);
  });
}

std::vector<std::unique_ptr<Accumulator>> AggregatePlan::MakeAccumulators(KeyLookup lookup,
                                                                          HeldValues held) const {
  std::vector<std::unique_ptr<Accumulator>> made;
  std::map<int, std::shared_ptr<PercentileValues>> percentiles;  // By column.
  const Grouping grouping = groups.empty() ? Grouping::kNone : Grouping::kSome;
  for (const PlannedAggregate& aggregate : aggregates) {
    const AggregateType type = aggregate.aggregation->type;
    if (held == HeldValues::kCounted && query::HoldsValues(type)) {
      made.push_back(MakeCount());
    } else if (IsPercentile(type)) {
      auto& values = percentiles[aggregate.column];
      if (values == nullptr) values = std::make_shared<PercentileValues>();
      made.push_back(MakePercentile(values, aggregate.aggregation->p));
    } else {
      made.push_back(MakeAccumulator(*aggregate.aggregation, aggregate.shape, grouping, lookup));
    }
  }
  return made;
}

Result<AggregatePlan> PlanAggregate(const AggregateRequest& request, const Sources& sources) {
  WrongPlaces wrong;
  wrong.Add(CheckAliases(request));
  std::vector<BoundSource> bound;
  wrong.Put(BindSources(request.filter, sources), bound);
  return Planner(request, sources, std::move(bound)).Plan(wrong);
}

}  // namespace granary::query
