#include "granary/query/exec/path_outcomes.h"

#include <cmath>
#include <limits>
#include <utility>

#include "granary/storage/stats/outcomes.h"
#include "granary/types/number_text.h"

namespace granary::query {
namespace {

using json::Lane;
using Kind = Predicate::Kind;
using storage::Outcomes;

constexpr Outcomes kOnlyFalse{false, true, false};
constexpr Outcomes kTrueOrFalse{true, true, false};
constexpr Outcomes kOnlyUnknown{false, false, true};

DataType LaneDataType(Lane lane) {
  switch (lane) {
    case Lane::kString: return TypeKind::kString;
    case Lane::kInt64: return TypeKind::kInt64;
    case Lane::kDouble: return TypeKind::kFloat64;
    case Lane::kBool: return TypeKind::kBool;
  }
  return TypeKind::kString;
}

bool IsOfLane(const Literal& literal, Lane lane) {
  switch (literal.kind) {
    case Literal::Kind::kString: return lane == Lane::kString;
    case Literal::Kind::kNumber: return lane == Lane::kInt64 || lane == Lane::kDouble;
    case Literal::Kind::kBool: return lane == Lane::kBool;
    default: return false;
  }
}

Predicate Typed(Kind kind, const DataType& type) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.type = type;
  return leaf;
}

Outcomes OfTyped(const Predicate& leaf, const ColumnStats& stats) {
  return storage::PossibleOutcomes(leaf, [&stats](ColumnId) { return &stats; });
}

/// Of doubles, which JSON compares by their digits: a bound that is the literal's nearest double
/// may lie on either side of it.
Outcomes OfDoubles(Kind kind, const Literal& literal, const ColumnStats& stats) {
  const double number = NearestDouble(literal.text);
  const auto* min = std::get_if<double>(&stats.min);
  const auto* max = std::get_if<double>(&stats.max);
  const bool reaches_down = min == nullptr || *min <= number;
  const bool reaches_up = max == nullptr || *max >= number;
  switch (kind) {
    case Kind::kEqual: return {reaches_down && reaches_up, true, false};
    case Kind::kLess:
    case Kind::kLessEqual: return {reaches_down, reaches_up, false};
    default: return {reaches_up, reaches_down, false};
  }
}

/// One literal, which is of the lane's kind.
Outcomes OfLiteral(Kind kind, const Literal& literal, Lane lane, const ColumnStats& stats) {
  if (lane == Lane::kDouble) return OfDoubles(kind, literal, stats);
  Predicate leaf = Typed(kind, LaneDataType(lane));
  if (lane == Lane::kString) {
    leaf.values = {literal.text};
    return OfTyped(leaf, stats);
  }
  auto bound = BindLiteral(literal, LaneDataType(lane));
  if (!bound.ok()) return kTrueOrFalse;
  if (bound->exact) {
    leaf.values = {std::move(bound->value)};
    return OfTyped(leaf, stats);
  }
  // Between two neighbours, as the filter's binder has it: x > 1.5 is x >= 2.
  if (kind == Kind::kEqual) return kOnlyFalse;
  const bool upwards = kind == Kind::kGreater || kind == Kind::kGreaterEqual;
  Value& neighbour = upwards ? bound->above : bound->below;
  if (IsNull(neighbour)) return kOnlyFalse;
  leaf.kind = upwards ? Kind::kGreaterEqual : Kind::kLessEqual;
  leaf.values = {std::move(neighbour)};
  return OfTyped(leaf, stats);
}

/// Of the rows that the lane has values of.
Outcomes InLane(const Predicate& leaf, Lane lane, const ColumnStats& stats) {
  switch (leaf.kind) {
    case Kind::kIsNull: return kOnlyFalse;
    case Kind::kNotNullIs: return {leaf.constant, !leaf.constant, false};
    case Kind::kEqual:
    case Kind::kLess:
    case Kind::kLessEqual:
    case Kind::kGreater:
    case Kind::kGreaterEqual:
      if (leaf.json.size() != 1) return storage::kAnyOutcome;
      return IsOfLane(leaf.json[0], lane) ? OfLiteral(leaf.kind, leaf.json[0], lane, stats)
                                          : kOnlyFalse;
    case Kind::kBetween: {
      Predicate low = leaf, high = leaf;
      low.kind = Kind::kGreaterEqual;
      high.kind = Kind::kLessEqual;
      low.json = {leaf.json.front()};
      high.json = {leaf.json.back()};
      return storage::AndOf(InLane(low, lane, stats), InLane(high, lane, stats));
    }
    case Kind::kIn: {
      bool may_be_in = false;
      for (const Literal& literal : leaf.json) {
        may_be_in = may_be_in || (IsOfLane(literal, lane) &&
                                  OfLiteral(Kind::kEqual, literal, lane, stats).may_be_true);
      }
      return {may_be_in, !leaf.in_has_null, leaf.in_has_null};
    }
    default: break;
  }
  // A pattern.
  if (lane != Lane::kString || (!leaf.json.empty() && !IsOfLane(leaf.json[0], lane)))
    return kOnlyFalse;
  Predicate pattern = Typed(leaf.kind, TypeKind::kString);
  pattern.pattern = leaf.pattern;
  return OfTyped(pattern, stats);
}

}  // namespace

std::optional<Outcomes> PathOutcomes(const storage::SegmentReader& reader, int row_group,
                                     const Schema& schema, const Predicate& leaf) {
  if (leaf.path.empty() || leaf.type.kind() != TypeKind::kJson) return std::nullopt;
  const json::ShredLayout* layout = reader.Layout(leaf.column, schema);
  if (layout == nullptr) return std::nullopt;
  const Outcomes of_nothing =
      leaf.kind == Kind::kIsNull ? Outcomes{true, false, false} : kOnlyUnknown;
  if (layout->IsAbsent(leaf.path)) return of_nothing;
  const json::ShreddedPath* own = layout->Find(leaf.path);
  if (own == nullptr || own->left > 0) return std::nullopt;
  Outcomes all = storage::kNoOutcome;
  std::uint64_t values = 0;
  const auto rows = static_cast<std::uint64_t>(reader.rows(row_group));
  for (const json::ShreddedLane& lane : own->lanes) {
    ColumnStats stats = reader.LaneStats(row_group, lane);
    if (!stats.nulls || *stats.nulls > rows) return std::nullopt;
    const std::uint64_t here = rows - *stats.nulls;
    if (here == 0) continue;
    values += here;
    stats.rows = here;
    stats.nulls = 0;
    all = storage::Either(all, InLane(leaf, lane.lane, stats));
  }
  return values < rows ? storage::Either(all, of_nothing) : all;
}

}  // namespace granary::query
