#include "granary/query/optimizer/access_facts.h"

#include <algorithm>
#include <cmath>

namespace granary::query {
namespace {

// Values of an IN that are compared before the rest is looked up.
constexpr double kInComparisonsMax = 8;

}  // namespace

PageFacts PagesOfSorted(const SegmentFacts& facts, double page_rows) {
  const auto rows = static_cast<double>(facts.rows);
  const double groups = std::max<double>(static_cast<double>(facts.row_groups), 1);
  const double matches = std::clamp(facts.matches, 0.0, 1.0);
  PageFacts pages;
  pages.total = std::max(std::ceil(rows / std::max(page_rows, 1.0)), groups);
  pages.row_groups = std::clamp(std::ceil(matches * groups), 1.0, groups);
  // Where they begin is in the midst of a page, and where they end.
  pages.kept = std::min(std::ceil(matches * pages.total) + 1, pages.total);
  pages.rows = std::min(rows, pages.kept * rows / std::max(pages.total, 1.0));
  return pages;
}

Work CheckWork(const Predicate& predicate) {
  using Kind = Predicate::Kind;
  Work work;
  switch (predicate.kind) {
    case Kind::kConstant: return work;
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot:
      for (const Predicate& child : predicate.children) work += CheckWork(child);
      return work;
    default: break;
  }
  const Unit value = predicate.type.IsBytes() ? Unit::kCheckText : Unit::kCheckNumber;
  if (!predicate.path.empty() || predicate.type.kind() == TypeKind::kJson) {
    work[Unit::kCheckJson] = 1;
    return work;
  }
  if (predicate.type.kind() == TypeKind::kList) {
    work[Unit::kCheckPattern] = 1;
    return work;
  }
  switch (predicate.kind) {
    case Kind::kRegex:
    case Kind::kILike: work[Unit::kCheckPattern] = 2; break;
    case Kind::kLike:
    case Kind::kContains:
    case Kind::kEndsWith: work[Unit::kCheckPattern] = 1; break;
    case Kind::kIn:
      work[value] = std::min(static_cast<double>(predicate.values.size()), kInComparisonsMax);
      break;
    default: work[value] = 1; break;
  }
  return work;
}

double CheckCost(const Predicate& predicate, const CostModel& model) {
  return CheckWork(predicate).Ns(model);
}

}  // namespace granary::query
