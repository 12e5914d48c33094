#include "granary/query/exec/value_check.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace granary::query {
namespace {

using CheckPtr = std::unique_ptr<ValueCheck>;

/// Both of two.
class BothChecks final : public ValueCheck {
 public:
  BothChecks(CheckPtr a, CheckPtr b) : a_(std::move(a)), b_(std::move(b)) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t* wanted, std::uint8_t* out) const override {
    std::vector<std::uint8_t> other(static_cast<std::size_t>(count));
    a_->Check(values, first, count, wanted, out);
    b_->Check(values, first, count, wanted, other.data());
    std::transform(out, out + count, other.begin(), out, std::bit_and<>());
  }

 private:
  CheckPtr a_, b_;
};

Result<CheckPtr> MakeBetween(const Predicate& leaf, const DataType& type) {
  if (leaf.values.size() != 2) return Status::Internal("between needs two values");
  Predicate low = leaf, high = leaf;
  low.kind = Predicate::Kind::kGreaterEqual;
  high.kind = Predicate::Kind::kLessEqual;
  low.values.pop_back();
  high.values.erase(high.values.begin());
  GRANARY_ASSIGN(CheckPtr from, MakeValueCheck(low, type));
  GRANARY_ASSIGN(CheckPtr to, MakeValueCheck(high, type));
  return CheckPtr(std::make_unique<BothChecks>(std::move(from), std::move(to)));
}

}  // namespace

Result<std::unique_ptr<ValueCheck>> MakeValueCheck(const Predicate& leaf, const DataType& type) {
  switch (leaf.kind) {
    case Predicate::Kind::kLike:
    case Predicate::Kind::kILike:
    case Predicate::Kind::kStartsWith:
    case Predicate::Kind::kEndsWith:
    case Predicate::Kind::kContains:
    case Predicate::Kind::kRegex: return MakePatternCheck(leaf);
    case Predicate::Kind::kBetween: return MakeBetween(leaf, type);
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
