#include "granary/query/exec/value_check.h"

namespace granary::query {

Result<std::unique_ptr<ValueCheck>> MakeValueCheck(const Predicate& leaf, const DataType& type) {
  switch (leaf.kind) {
    case Predicate::Kind::kLike:
    case Predicate::Kind::kILike:
    case Predicate::Kind::kStartsWith:
    case Predicate::Kind::kEndsWith:
    case Predicate::Kind::kContains:
    case Predicate::Kind::kRegex: return MakePatternCheck(leaf);
    case Predicate::Kind::kEqual:
    case Predicate::Kind::kLess:
    case Predicate::Kind::kLessEqual:
    case Predicate::Kind::kGreater:
    case Predicate::Kind::kGreaterEqual:
      if (leaf.values.size() != 1) return Status::Internal("a comparison needs one value");
      [[fallthrough]];
    case Predicate::Kind::kIn:
      return type.IsBytes() ? MakeBytesCheck(leaf, type) : MakeNumberCheck(leaf, type);
    default: return Status::Internal("not a leaf over values");
  }
}

}  // namespace granary::query
