#include "granary/query/optimizer/access_facts.h"

#include <algorithm>
#include <cmath>

namespace granary::query {

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

double CheckCost(const Predicate& predicate, const CostModel& model) {
  using Kind = Predicate::Kind;
  switch (predicate.kind) {
    case Kind::kConstant: return 0;
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot: {
      double sum = 0;
      for (const Predicate& child : predicate.children) sum += CheckCost(child, model);
      return sum;
    }
    default: break;
  }
  if (!predicate.path.empty() || predicate.type.kind() == TypeKind::kJson)
    return model.check_json_ns;
  if (predicate.type.kind() == TypeKind::kList) return model.check_pattern_ns;
  switch (predicate.kind) {
    case Kind::kRegex:
    case Kind::kILike: return 2 * model.check_pattern_ns;
    case Kind::kLike:
    case Kind::kContains:
    case Kind::kEndsWith: return model.check_pattern_ns;
    case Kind::kIn: {
      const double one = predicate.type.IsBytes() ? model.check_text_ns : model.check_number_ns;
      return one * std::min<double>(static_cast<double>(predicate.values.size()), 8);
    }
    default: break;
  }
  return predicate.type.IsBytes() ? model.check_text_ns : model.check_number_ns;
}

}  // namespace granary::query
