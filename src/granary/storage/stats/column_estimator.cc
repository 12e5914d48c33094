#include "granary/storage/stats/column_estimator.h"

#include <algorithm>

#include "granary/storage/stats/byte_bounds.h"
#include "granary/storage/stats/like_prefix.h"

namespace granary::storage {
namespace {

using Kind = Predicate::Kind;

Estimate Certainly(double fraction) { return {fraction, EstimateBasis::kCertain}; }

/// The end above which no text starts with `prefix`.
RangeEnd EndOfPrefix(std::string_view prefix) {
  auto above = PrefixSuccessor(prefix, BytesKind::kText);
  return above ? RangeEnd{*std::move(above), RangeEdge::kOpen} : RangeEnd{};
}

bool IsEmpty(const RangeEnd& low, const RangeEnd& high) {
  if (IsNull(low.value) || IsNull(high.value)) return false;
  return !IsAbove(high.value, low) || !IsBelow(low.value, high);
}

bool IsPoint(const RangeEnd& low, const RangeEnd& high) {
  return !IsNull(low.value) && !IsNull(high.value) && Compare(low.value, high.value) == 0;
}

double DefaultOfRange(const RangeEnd& low, const RangeEnd& high) {
  return IsNull(low.value) || IsNull(high.value) ? kDefaultHalfOpen : kDefaultRange;
}

}  // namespace

bool IsAbove(const Value& value, const RangeEnd& low) {
  if (IsNull(low.value)) return true;
  const auto order = Compare(value, low.value);
  return order > 0 || (order == 0 && low.edge == RangeEdge::kClosed);
}
bool IsBelow(const Value& value, const RangeEnd& high) {
  if (IsNull(high.value)) return true;
  const auto order = Compare(value, high.value);
  return order < 0 || (order == 0 && high.edge == RangeEdge::kClosed);
}

std::string_view EstimateBasisName(EstimateBasis basis) {
  switch (basis) {
    case EstimateBasis::kCertain: return "certain";
    case EstimateBasis::kCommonValues: return "common values";
    case EstimateBasis::kHistogram: return "histogram";
    case EstimateBasis::kDistinct: return "distinct values";
    case EstimateBasis::kBounds: return "bounds";
    case EstimateBasis::kDefault: return "default";
  }
  return "";
}

double ColumnEstimator::ValueFraction() const { return 1 - Null().fraction; }

Estimate ColumnEstimator::OfValues(double share, EstimateBasis basis) const {
  return {std::clamp(share, 0.0, 1.0) * ValueFraction(), basis};
}

bool ColumnEstimator::IsComparable(const Value& value) const {
  if (!IsNull(min_)) return value.index() == min_.index();
  if (!IsNull(max_)) return value.index() == max_.index();
  return values_ && !values_->empty() && value.index() == values_->front().index();
}

bool ColumnEstimator::IsOutside(const Value& value) const {
  if (IsNanValue(value)) return !may_have_nan_;
  return (!IsNull(min_) && Compare(value, min_) < 0) || (!IsNull(max_) && Compare(value, max_) > 0);
}

Estimate ColumnEstimator::Null() const {
  if (!nulls_) return {kDefaultNull, EstimateBasis::kDefault};
  return Certainly(rows_ == 0 ? 0 : static_cast<double>(*nulls_) / static_cast<double>(rows_));
}

Estimate ColumnEstimator::NotNull() const {
  const Estimate null = Null();
  return {1 - null.fraction, null.basis};
}

Estimate ColumnEstimator::Equal(const Value& value) const {
  if (IsNull(value) || HasNoValues()) return Certainly(0);
  if (!IsComparable(value)) {
    if (distinct_ && *distinct_ > 0) return OfValues(1 / *distinct_, EstimateBasis::kDistinct);
    return OfValues(kDefaultEqual, EstimateBasis::kDefault);
  }
  if (IsOutside(value)) return Certainly(0);
  return EqualInside(value);
}

Estimate ColumnEstimator::EqualInside(const Value& value) const {
  if (values_) {
    const bool is_there = std::any_of(values_->begin(), values_->end(), [&](const Value& known) {
      return Compare(known, value) == 0;
    });
    if (!is_there) return Certainly(0);
    if (values_->size() == 1) return OfValues(1, EstimateBasis::kCertain);
  }
  if (bounds_exact_ && !may_have_nan_ && Compare(min_, max_) == 0)
    return OfValues(1, EstimateBasis::kCertain);
  if (distribution_) return EqualByDistribution(value);
  if (distinct_ && *distinct_ > 0) return OfValues(1 / *distinct_, EstimateBasis::kDistinct);
  return OfValues(kDefaultEqual, EstimateBasis::kDefault);
}

Estimate ColumnEstimator::Range(const RangeEnd& low, const RangeEnd& high) const {
  if (HasNoValues() || IsEmpty(low, high)) return Certainly(0);
  if (IsNull(low.value) && IsNull(high.value)) return NotNull();
  const bool comparable = (IsNull(low.value) || IsComparable(low.value)) &&
                          (IsNull(high.value) || IsComparable(high.value));
  if (!comparable) return OfValues(DefaultOfRange(low, high), EstimateBasis::kDefault);
  if (IsPoint(low, high)) return Equal(low.value);
  return values_ ? RangeOfValues(low, high) : RangeInside(low, high);
}

Estimate ColumnEstimator::RangeOfValues(const RangeEnd& low, const RangeEnd& high) const {
  const auto inside = std::count_if(values_->begin(), values_->end(), [&](const Value& value) {
    return IsAbove(value, low) && IsBelow(value, high);
  });
  if (inside == 0) return Certainly(0);
  if (inside == std::ssize(*values_)) return OfValues(1, EstimateBasis::kCertain);
  if (distribution_) return RangeByDistribution(low, high);
  return OfValues(static_cast<double>(inside) / static_cast<double>(values_->size()),
                  EstimateBasis::kDistinct);
}

Estimate ColumnEstimator::RangeInside(const RangeEnd& low, const RangeEnd& high) const {
  const bool nan_below = !may_have_nan_ || IsNull(high.value);  // NaN is above all.
  const bool from_min = IsNull(low.value) || (!IsNull(min_) && IsAbove(min_, low));
  const bool to_max = IsNull(high.value) || (!IsNull(max_) && IsBelow(max_, high));
  if (from_min && to_max && nan_below) return OfValues(1, EstimateBasis::kCertain);
  if (!IsNull(min_) && !IsBelow(min_, high)) return Certainly(0);
  if (!IsNull(max_) && !IsAbove(max_, low) && !may_have_nan_) return Certainly(0);
  if (distribution_) return RangeByDistribution(low, high);
  if (IsNull(min_) || IsNull(max_))
    return OfValues(DefaultOfRange(low, high), EstimateBasis::kDefault);
  const auto share = [this](const Value& value, RangeEdge edge) {
    return ShareUpTo(value, edge, min_, RangeEdge::kClosed, max_);
  };
  const double up_to = IsNull(high.value) ? 1 : share(high.value, high.edge);
  const RangeEdge below = low.edge == RangeEdge::kClosed ? RangeEdge::kOpen : RangeEdge::kClosed;
  const double up_from = IsNull(low.value) ? 0 : share(low.value, below);
  return OfValues(up_to - up_from, EstimateBasis::kBounds);
}

Estimate ColumnEstimator::In(std::span<const Value> values) const {
  Estimate all = Certainly(0);
  if (values.empty()) return all;
  const std::size_t looked_at = std::min(values.size(), kInValuesMax);
  for (std::size_t i = 0; i < looked_at; ++i) {
    const Estimate one = Equal(values[i * values.size() / looked_at]);
    all.fraction += one.fraction;
    all.basis = std::max(all.basis, one.basis);  // As good as the weakest.
  }
  if (looked_at < values.size()) all.basis = std::max(all.basis, EstimateBasis::kDistinct);
  all.fraction *= static_cast<double>(values.size()) / static_cast<double>(looked_at);
  all.fraction = std::min(all.fraction, ValueFraction());
  return all;
}

Estimate ColumnEstimator::Prefix(std::string_view prefix) const {
  if (prefix.empty()) return NotNull();
  const Value first{std::string(prefix)};
  if (HasNoValues()) return Certainly(0);
  if (!IsComparable(first)) return OfValues(kDefaultMatch, EstimateBasis::kDefault);
  const Estimate range = Range({first, RangeEdge::kClosed}, EndOfPrefix(prefix));
  // Interpolation between two texts may see nothing between a prefix and its end; the prefix itself
  // is one of its texts.
  const Estimate one = Equal(first);
  return range.fraction >= one.fraction ? range : one;
}

Estimate ColumnEstimator::Like(std::string_view pattern) const {
  const LikePrefix like = PrefixOfLike(pattern);
  switch (like.rest) {
    case LikePrefix::Rest::kNothing: return Equal(Value(like.prefix));
    case LikePrefix::Rest::kAnything: return Prefix(like.prefix);
    case LikePrefix::Rest::kUnknown: break;
  }
  Estimate match = Prefix(like.prefix);
  match.fraction *= LikeShare(pattern.substr(std::min(like.ends_at, pattern.size())));
  if (match.fraction > 0) match.basis = EstimateBasis::kDefault;
  return match;
}

Estimate ColumnEstimator::Contains(std::string_view text) const {
  if (text.empty()) return NotNull();
  if (HasNoValues()) return Certainly(0);
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return OfValues(LikeShare(pattern + '%'), EstimateBasis::kDefault);
}

Estimate ColumnEstimator::Leaf(const Predicate& leaf) const {
  // A document's or list's statistics are not those of what is asked in it.
  const bool inside = !leaf.path.empty() || leaf.type.kind() == TypeKind::kJson ||
                      leaf.type.kind() == TypeKind::kList;
  const bool one_value = leaf.values.size() == 1;
  const Value value = one_value ? leaf.values[0] : Value();
  const auto range = [&](const RangeEnd& low, const RangeEnd& high) {
    if (inside || !one_value) return OfValues(kDefaultHalfOpen, EstimateBasis::kDefault);
    return Range(low, high);
  };
  switch (leaf.kind) {
    case Kind::kIsNull:
      return leaf.path.empty() ? Null() : Estimate{kDefaultNull, EstimateBasis::kDefault};
    case Kind::kNotNullIs: return leaf.constant ? NotNull() : Certainly(0);
    case Kind::kEqual:
      return inside || !one_value ? OfValues(kDefaultEqual, EstimateBasis::kDefault) : Equal(value);
    case Kind::kLess: return range({}, {value, RangeEdge::kOpen});
    case Kind::kLessEqual: return range({}, {value, RangeEdge::kClosed});
    case Kind::kGreater: return range({value, RangeEdge::kOpen}, {});
    case Kind::kGreaterEqual: return range({value, RangeEdge::kClosed}, {});
    case Kind::kBetween: return OfValues(kDefaultRange, EstimateBasis::kDefault);
    case Kind::kIn: {
      if (!inside) return In(leaf.values);
      const auto asked = static_cast<double>(std::max(leaf.values.size(), leaf.json.size()));
      return OfValues(kDefaultEqual * asked, EstimateBasis::kDefault);
    }
    case Kind::kLike:
      return inside ? OfValues(LikeShare(leaf.pattern), EstimateBasis::kDefault)
                    : Like(leaf.pattern);
    case Kind::kStartsWith:
      return inside ? OfValues(kDefaultMatch, EstimateBasis::kDefault) : Prefix(leaf.pattern);
    case Kind::kILike: return OfValues(LikeShare(leaf.pattern), EstimateBasis::kDefault);
    case Kind::kEndsWith:
    case Kind::kContains: return Contains(leaf.pattern);
    case Kind::kRegex: return OfValues(kDefaultMatch, EstimateBasis::kDefault);
    case Kind::kConstant: return Certainly(leaf.constant ? 1 : 0);
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot: break;  // Not leaves.
  }
  return OfValues(kDefaultHalfOpen, EstimateBasis::kDefault);
}

}  // namespace granary::storage
