#include "granary/query/optimizer/selectivity.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace granary::query {
namespace {

using Kind = Predicate::Kind;
using storage::RangeEdge;
using storage::RangeEnd;

double Clamped(double fraction) {
  return std::isnan(fraction) ? 0.5 : std::clamp(fraction, 0.0, 1.0);
}

bool SetsAnEnd(const Predicate& leaf) {
  return (SetsLowEnd(leaf.kind) || SetsHighEnd(leaf.kind)) && leaf.path.empty() &&
         leaf.values.size() == 1 && leaf.type.kind() != TypeKind::kList &&
         leaf.type.kind() != TypeKind::kJson;
}

Fractions OfLeaf(const Predicate& leaf, const KnownColumns& known) {
  const storage::ColumnEstimator& column = OrNothing(known(leaf.column));
  const double matches = Clamped(column.Leaf(leaf).fraction);
  if (leaf.kind == Kind::kIsNull) return {matches, 0};
  return {matches, std::min(Clamped(column.Null().fraction), 1 - matches)};
}

/// The two ends that an AND sets on one column.
struct Ends {
  ColumnId column = 0;
  RangeEnd low, high;

  void Narrow(const Predicate& leaf) {
    const bool is_low = SetsLowEnd(leaf.kind);
    RangeEnd& end = is_low ? low : high;
    const bool is_open = leaf.kind == Kind::kGreater || leaf.kind == Kind::kLess;
    const RangeEnd next{leaf.values.front(), is_open ? RangeEdge::kOpen : RangeEdge::kClosed};
    if (!IsNull(end.value)) {
      const auto order = Compare(next.value, end.value);
      if (is_low ? order < 0 : order > 0) return;
      if (order == 0 && end.edge == RangeEdge::kOpen) return;
    }
    end = next;
  }
};

Fractions OfAnd(const std::vector<Predicate>& children, const KnownColumns& known) {
  double matches = 1, not_false = 1;
  std::array<Ends, 8> ends;
  std::size_t count = 0;
  for (const Predicate& child : children) {
    if (SetsAnEnd(child)) {
      std::size_t place = 0;
      while (place < count && ends[place].column != child.column) ++place;
      if (place < ends.size()) {
        if (place == count) ends[count++].column = child.column;
        ends[place].Narrow(child);
        continue;
      }
    }
    const Fractions part = Selectivity(child, known);
    matches *= part.matches;
    not_false *= part.matches + part.unknown;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const storage::ColumnEstimator& column = OrNothing(known(ends[i].column));
    const double inside = Clamped(column.Range(ends[i].low, ends[i].high).fraction);
    matches *= inside;
    not_false *= std::min(inside + Clamped(column.Null().fraction), 1.0);
  }
  return {matches, Clamped(not_false - matches)};
}

bool AreOfOneColumn(const std::vector<Predicate>& leaves) {
  return std::all_of(leaves.begin(), leaves.end(), [&](const Predicate& leaf) {
    return leaf.kind >= Kind::kNotNullIs && leaf.path.empty() &&
           leaf.column == leaves.front().column;
  });
}

Fractions OfOr(const std::vector<Predicate>& children, const KnownColumns& known) {
  const bool of_one_column = AreOfOneColumn(children);
  double sum = 0, most_unknown = 0, none = 1, all_false = 1;
  for (const Predicate& child : children) {
    const Fractions part = Selectivity(child, known);
    sum += part.matches;
    most_unknown = std::max(most_unknown, part.unknown);
    none *= 1 - part.matches;
    all_false *= Clamped(1 - part.matches - part.unknown);
  }
  if (of_one_column) return {Clamped(std::min(sum, 1 - most_unknown)), most_unknown};
  return {Clamped(1 - none), Clamped(none - all_false)};
}

}  // namespace

const storage::ColumnEstimator& OrNothing(const storage::ColumnEstimator* known) {
  static const storage::ColumnEstimator kNothing{ColumnStats()};
  return known == nullptr ? kNothing : *known;
}

Fractions Selectivity(const Predicate& predicate, const KnownColumns& known) {
  switch (predicate.kind) {
    case Kind::kConstant: return {predicate.constant ? 1.0 : 0.0, 0};
    case Kind::kNot: {
      const Fractions of = Selectivity(predicate.children.at(0), known);
      return {Clamped(1 - of.matches - of.unknown), of.unknown};
    }
    case Kind::kAnd: return OfAnd(predicate.children, known);
    case Kind::kOr: return OfOr(predicate.children, known);
    default: return OfLeaf(predicate, known);
  }
}

}  // namespace granary::query
