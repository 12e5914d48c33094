#include "granary/query/optimizer/access_facts.h"

#include <algorithm>

namespace granary::query {

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
