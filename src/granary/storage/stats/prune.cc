#include "granary/storage/stats/prune.h"

#include <algorithm>
#include <limits>

#include "granary/storage/stats/like_prefix.h"
#include "granary/storage/stats/outcomes.h"

namespace granary::storage {
namespace {

using Kind = Predicate::Kind;

Outcomes Exactly(bool outcome) { return {outcome, !outcome, false}; }

/// The outcomes of values somewhere in a leaf's domain: a single value, or all between two bounds.
struct Between {
  const Value& low;  ///< Null: no bound.
  const Value& high;
};

bool IsBelow(const Value& a, const Value& b) {
  return !IsNull(a) && !IsNull(b) && Compare(a, b) < 0;
}
bool IsNotAbove(const Value& a, const Value& b) {
  return !IsNull(a) && !IsNull(b) && Compare(a, b) <= 0;
}

bool MayHold(const Between& range, const Value& literal) {
  return !IsBelow(literal, range.low) && !IsBelow(range.high, literal);
}
bool IsOneValue(const Between& range) {
  return IsNotAbove(range.high, range.low) && IsNotAbove(range.low, range.high);
}

Outcomes EqualOutcomes(const Between& range, const Value& literal) {
  const bool may_be_true = MayHold(range, literal);
  return {may_be_true, !(may_be_true && IsOneValue(range)), false};
}
/// x < literal
Outcomes LessOutcomes(const Between& range, const Value& literal) {
  return {!IsNotAbove(literal, range.low), !IsBelow(range.high, literal), false};
}
/// x <= literal
Outcomes LessEqualOutcomes(const Between& range, const Value& literal) {
  return {!IsBelow(literal, range.low), !IsNotAbove(range.high, literal), false};
}

Outcomes InOutcomes(const Between& range, const Predicate& leaf) {
  const bool may_be_in = std::any_of(leaf.values.begin(), leaf.values.end(),
                                     [&](const Value& v) { return MayHold(range, v); });
  const bool may_be_out = !(may_be_in && IsOneValue(range));
  return {may_be_in, may_be_out && !leaf.in_has_null, may_be_out && leaf.in_has_null};
}

bool HasPrefix(const Value& value, const std::string& prefix) {
  const auto* bytes = std::get_if<std::string>(&value);
  return bytes != nullptr && bytes->starts_with(prefix);
}

/// The strings with a prefix lie side by side, from the prefix itself on.
Outcomes StartsWithOutcomes(const Between& range, const std::string& prefix) {
  const bool all_below = IsBelow(range.high, prefix);
  const bool all_above = IsBelow(prefix, range.low) && !HasPrefix(range.low, prefix);
  const bool all_inside = HasPrefix(range.low, prefix) && HasPrefix(range.high, prefix);
  return {!all_below && !all_above, !all_inside, false};
}

Outcomes LikeOutcomes(const Between& range, const std::string& pattern) {
  const LikePrefix like = PrefixOfLike(pattern);
  switch (like.rest) {
    case LikePrefix::Rest::kNothing: return EqualOutcomes(range, like.prefix);
    case LikePrefix::Rest::kAnything: return StartsWithOutcomes(range, like.prefix);
    case LikePrefix::Rest::kUnknown: break;
  }
  return {StartsWithOutcomes(range, like.prefix).may_be_true, true, false};
}

/// A search for text in one known string.
Outcomes TextOutcomes(const Between& range, const Predicate& leaf) {
  const auto* text = std::get_if<std::string>(&range.low);
  if (text == nullptr || !IsOneValue(range)) return {true, true, false};
  if (leaf.kind == Kind::kContains) return Exactly(text->find(leaf.pattern) != std::string::npos);
  return Exactly(text->ends_with(leaf.pattern));
}

/// Of rows whose value lies in `range`. The literals are of the bounds' kind.
Outcomes RangeOutcomes(const Between& range, const Predicate& leaf) {
  switch (leaf.kind) {
    case Kind::kEqual: return EqualOutcomes(range, leaf.values[0]);
    case Kind::kLess: return LessOutcomes(range, leaf.values[0]);
    case Kind::kLessEqual: return LessEqualOutcomes(range, leaf.values[0]);
    case Kind::kGreater: return NotOf(LessEqualOutcomes(range, leaf.values[0]));
    case Kind::kGreaterEqual: return NotOf(LessOutcomes(range, leaf.values[0]));
    case Kind::kIn: return InOutcomes(range, leaf);
    case Kind::kStartsWith: return StartsWithOutcomes(range, leaf.pattern);
    case Kind::kLike: return LikeOutcomes(range, leaf.pattern);
    case Kind::kContains:
    case Kind::kEndsWith: return TextOutcomes(range, leaf);
    default: return {true, true, false};
  }
}

bool NeedsLiteral(Kind kind) { return kind >= Kind::kEqual && kind <= Kind::kGreaterEqual; }

/// True when every literal is of the same kind as the bounds, so that Compare means something.
/// (They are not when the statistics were not brought to the predicate's types.)
bool IsOfOneDomain(const Predicate& leaf, const ColumnStats& stats) {
  const auto fits = [&leaf](const Value& known) {
    const bool by_text = leaf.kind >= Kind::kLike;
    if (by_text) return std::holds_alternative<std::string>(known);
    return std::all_of(leaf.values.begin(), leaf.values.end(),
                       [&](const Value& literal) { return literal.index() == known.index(); });
  };
  if (NeedsLiteral(leaf.kind) && (leaf.values.size() != 1 || IsNull(leaf.values[0]))) return false;
  if (!IsNull(stats.min) && !fits(stats.min)) return false;
  if (!IsNull(stats.max) && !fits(stats.max)) return false;
  return !stats.values || std::all_of(stats.values->begin(), stats.values->end(), fits);
}

/// Of the rows that have a value.
Outcomes ValueOutcomes(const Predicate& leaf, const ColumnStats& stats) {
  // The bounds of documents are those of their text, which says nothing of the values in them; a
  // document that is null, or has nulls, may be unknown.
  if (leaf.type.kind() == TypeKind::kJson) return kAnyOutcome;
  if (leaf.type.kind() == TypeKind::kList) return {true, true, false};
  if (!IsOfOneDomain(leaf, stats)) return kAnyOutcome;
  if (stats.values) {
    Outcomes all = kNoOutcome;
    for (const Value& value : *stats.values) all = Either(all, RangeOutcomes({value, value}, leaf));
    return all;
  }
  Outcomes all = RangeOutcomes({stats.min, stats.max}, leaf);
  if (leaf.type.IsFloat() && stats.may_have_nan) {
    const Value nan = std::numeric_limits<double>::quiet_NaN();
    all = Either(all, RangeOutcomes({nan, nan}, leaf));
  }
  return all;
}

Outcomes LeafOutcomes(const Predicate& leaf, const ColumnStats* stats) {
  const bool is_path = !leaf.path.empty();
  // A segment has rows; statistics without any say nothing.
  const bool known = stats != nullptr && stats->rows > 0;
  const bool may_be_null = !known || !stats->nulls || *stats->nulls > 0;
  const bool may_have_value = !known || !stats->nulls || *stats->nulls < stats->rows;
  if (leaf.kind == Kind::kIsNull) return {may_be_null || is_path, may_have_value, false};

  Outcomes outcomes = kNoOutcome;
  if (may_have_value && leaf.kind == Kind::kNotNullIs) {
    outcomes = Exactly(leaf.constant);
  } else if (may_have_value) {
    outcomes = known ? ValueOutcomes(leaf, *stats) : kAnyOutcome;
  }
  // Inside a document a path may lead nowhere.
  outcomes.may_be_unknown = outcomes.may_be_unknown || may_be_null || is_path;
  return outcomes;
}

}  // namespace

Outcomes PossibleOutcomes(const Predicate& predicate, const StatsLookup& stats,
                          const LeafLookup& leaves) {
  switch (predicate.kind) {
    case Kind::kConstant: return Exactly(predicate.constant);
    case Kind::kNot: return NotOf(PossibleOutcomes(predicate.children.at(0), stats, leaves));
    case Kind::kAnd: {
      Outcomes all = Exactly(true);
      for (const Predicate& child : predicate.children) {
        all = AndOf(all, PossibleOutcomes(child, stats, leaves));
      }
      return all;
    }
    case Kind::kOr: {
      Outcomes all = Exactly(false);
      for (const Predicate& child : predicate.children) {
        all = OrOf(all, PossibleOutcomes(child, stats, leaves));
      }
      return all;
    }
    default: break;
  }
  const auto known = leaves ? leaves(predicate) : std::nullopt;
  return known ? *known : LeafOutcomes(predicate, stats(predicate.column));
}

}  // namespace granary::storage
