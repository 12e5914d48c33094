// Samples for the property tests of storage: random values of every type, arrays of them, random
// predicates, and what a predicate says of one row, the slow and obvious way. Included by tests
// only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/array/concatenate.h>

#include "granary/types/predicate.h"
#include "granary/types/value.h"

namespace granary::storage::sample {

using Generator = std::mt19937_64;

inline std::int64_t Between(Generator& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}
inline bool OneIn(Generator& random, int n) { return Between(random, 1, n) == 1; }

/// Every type that has values, a list left out.
inline std::vector<DataType> ScalarTypes() {
  return {TypeKind::kString,
          TypeKind::kBool,
          TypeKind::kInt8,
          TypeKind::kInt16,
          TypeKind::kInt32,
          TypeKind::kInt64,
          TypeKind::kUInt8,
          TypeKind::kUInt16,
          TypeKind::kUInt32,
          TypeKind::kUInt64,
          TypeKind::kFloat32,
          TypeKind::kFloat64,
          DataType::Decimal(9, 2),
          DataType::Decimal(18, 0),
          DataType::Decimal(38, 10),
          TypeKind::kDate,
          DataType::Timestamp(TimeUnit::kSecond),
          DataType::Timestamp(TimeUnit::kMilli),
          DataType::Timestamp(TimeUnit::kMicro),
          DataType::Timestamp(TimeUnit::kNano),
          TypeKind::kTime,
          TypeKind::kBinary,
          TypeKind::kUuid,
          TypeKind::kJson};
}

inline std::string RandomText(Generator& random, int length_max) {
  static const char* const kPieces[] = {"a", "b", "c", "%", "_", "\\", "é", "日", "😀", "z"};
  std::string text;
  for (auto n = Between(random, 0, length_max); n > 0; --n) text += kPieces[Between(random, 0, 9)];
  return text;
}

inline std::string RandomBytes(Generator& random, std::int64_t length) {
  std::string bytes;
  for (; length > 0; --length) {
    bytes.push_back(static_cast<char>(
        OneIn(random, 3) ? 0xFF : Between(random, 0, OneIn(random, 2) ? 3 : 255)));
  }
  return bytes;
}

/// Small ones often, so that values meet; extremes now and then. Never null.
inline Value RandomValue(Generator& random, const DataType& type) {
  const auto signed_integer = [&](std::int64_t low, std::int64_t high) -> Value {
    if (OneIn(random, 20)) return OneIn(random, 2) ? low : high;
    if (OneIn(random, 5)) return Between(random, low, high);
    return Between(random, std::max<std::int64_t>(low, -20), std::min<std::int64_t>(high, 20));
  };
  const auto unsigned_integer = [&](std::uint64_t high) -> Value {
    if (OneIn(random, 20)) return high;
    if (OneIn(random, 5)) return std::uniform_int_distribution<std::uint64_t>(0, high)(random);
    return static_cast<std::uint64_t>(Between(random, 0, 20));
  };
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  switch (type.kind()) {
    case TypeKind::kBool: return OneIn(random, 2);
    case TypeKind::kInt8: return signed_integer(-128, 127);
    case TypeKind::kInt16: return signed_integer(-32768, 32767);
    case TypeKind::kInt32: return signed_integer(-2147483648ll, 2147483647);
    case TypeKind::kInt64: return signed_integer(kLow, kHigh);
    case TypeKind::kUInt8: return unsigned_integer(255);
    case TypeKind::kUInt16: return unsigned_integer(65535);
    case TypeKind::kUInt32: return unsigned_integer(4294967295u);
    case TypeKind::kUInt64: return unsigned_integer(std::numeric_limits<std::uint64_t>::max());
    case TypeKind::kFloat32:
    case TypeKind::kFloat64: {
      if (OneIn(random, 15)) return std::numeric_limits<double>::quiet_NaN();
      if (OneIn(random, 15)) return std::numeric_limits<double>::infinity();
      if (OneIn(random, 15)) return -std::numeric_limits<double>::infinity();
      if (OneIn(random, 8)) return OneIn(random, 2) ? 0.0 : -0.0;
      return static_cast<double>(Between(random, -80, 80)) / 8;
    }
    case TypeKind::kDecimal: {
      Int128 limit = 1;
      for (int i = 0; i < type.precision(); ++i) limit *= 10;
      if (OneIn(random, 20)) return OneIn(random, 2) ? limit - 1 : 1 - limit;
      if (OneIn(random, 5))
        return static_cast<Int128>(Between(random, kLow, kHigh)) * 1'000'003 % limit;
      return static_cast<Int128>(Between(random, -500, 500));
    }
    case TypeKind::kDate: return Between(random, -1000, 30'000);
    case TypeKind::kTimestamp: {
      const std::int64_t day = 86'400 * UnitsPerSecond(type.unit());
      if (OneIn(random, 3)) return Between(random, -400, 400) * day;
      if (OneIn(random, 3)) return Between(random, -400, 400) * day - 1;
      return Between(random, -400 * day, 400 * day);
    }
    case TypeKind::kTime: return Between(random, 0, 86'399'999'999);
    case TypeKind::kUuid: return RandomBytes(random, 16);
    case TypeKind::kBinary:
      return RandomBytes(random, Between(random, 0, OneIn(random, 9) ? 90 : 3));
    case TypeKind::kJson: {
      std::string document = "\"";
      for (const char c : RandomText(random, OneIn(random, 9) ? 40 : 3)) {
        if (c == '\\') document += '\\';
        document += c;
      }
      return document + "\"";
    }
    default: return RandomText(random, OneIn(random, 9) ? 60 : 4);
  }
}

inline std::vector<Value> RandomValues(Generator& random, const DataType& type, std::size_t count) {
  const auto null_share = Between(random, 0, 3);  // None, some, many, all.
  std::vector<Value> values(count);
  for (Value& value : values) {
    if (null_share == 0 || (null_share < 3 && !OneIn(random, null_share == 1 ? 10 : 2))) {
      value = RandomValue(random, type);
    }
  }
  return values;
}

inline std::shared_ptr<arrow::Array> ArrayOf(const DataType& type,
                                             const std::vector<Value>& values) {
  arrow::ArrayVector parts{MakeConstantArray(type, {}, 0).Take()};
  for (const Value& value : values) {
    auto part = MakeConstantArray(type, value, 1);
    EXPECT_TRUE(part.ok()) << part.status().ToString();
    parts.push_back(part.Take());
  }
  return arrow::Concatenate(parts).ValueOrDie();
}

/// Source: the recursive definition of LIKE; slow.
inline bool LikeMatches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    return LikeMatches(pattern.substr(1), text) ||
           (!text.empty() && LikeMatches(pattern, text.substr(1)));
  }
  if (text.empty()) return false;
  if (pattern[0] == '_') {
    std::size_t end = 1;
    while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
    return LikeMatches(pattern.substr(1), text.substr(end));
  }
  if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  return pattern[0] == text[0] && LikeMatches(pattern.substr(1), text.substr(1));
}

inline bool LeafHolds(const Predicate& leaf, const Value& value) {
  const auto order =
      leaf.values.empty() ? std::weak_ordering::less : Compare(value, leaf.values[0]);
  const auto* text = std::get_if<std::string>(&value);
  switch (leaf.kind) {
    case Predicate::Kind::kNotNullIs: return leaf.constant;
    case Predicate::Kind::kEqual: return order == 0;
    case Predicate::Kind::kLess: return order < 0;
    case Predicate::Kind::kLessEqual: return order <= 0;
    case Predicate::Kind::kGreater: return order > 0;
    case Predicate::Kind::kGreaterEqual: return order >= 0;
    case Predicate::Kind::kIn:
      return std::any_of(leaf.values.begin(), leaf.values.end(),
                         [&](const Value& v) { return Compare(v, value) == 0; });
    case Predicate::Kind::kLike: return LikeMatches(leaf.pattern, *text);
    case Predicate::Kind::kStartsWith: return text->starts_with(leaf.pattern);
    case Predicate::Kind::kEndsWith: return text->ends_with(leaf.pattern);
    case Predicate::Kind::kContains: return text->find(leaf.pattern) != std::string::npos;
    default: ADD_FAILURE() << "no such leaf"; return false;
  }
}

/// True, false, or nothing for unknown.
inline std::optional<bool> Evaluate(const Predicate& predicate,
                                    const std::map<ColumnId, Value>& row) {
  switch (predicate.kind) {
    case Predicate::Kind::kConstant: return predicate.constant;
    case Predicate::Kind::kNot: {
      const auto inner = Evaluate(predicate.children[0], row);
      return inner ? std::optional(!*inner) : std::nullopt;
    }
    case Predicate::Kind::kAnd:
    case Predicate::Kind::kOr: {
      const bool decides = predicate.kind == Predicate::Kind::kOr;
      std::optional<bool> all = !decides;
      for (const Predicate& child : predicate.children) {
        const auto one = Evaluate(child, row);
        if (one == decides) return decides;
        if (!one) all = std::nullopt;
      }
      return all;
    }
    default: break;
  }
  const Value& value = row.at(predicate.column);
  if (predicate.kind == Predicate::Kind::kIsNull) return IsNull(value);
  if (IsNull(value)) return std::nullopt;
  const bool holds = LeafHolds(predicate, value);
  if (!holds && predicate.kind == Predicate::Kind::kIn && predicate.in_has_null)
    return std::nullopt;
  return holds;
}

inline Predicate Leaf(Predicate::Kind kind, ColumnId column, const DataType& type,
                      std::vector<Value> values = {}, std::string pattern = {}) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.column = column;
  leaf.type = type;
  leaf.values = std::move(values);
  leaf.pattern = std::move(pattern);
  return leaf;
}

inline Predicate RandomLeaf(Generator& random, ColumnId column, const DataType& type) {
  using Kind = Predicate::Kind;
  const bool is_text = type.kind() == TypeKind::kString;
  static constexpr Kind kKinds[] = {Kind::kNotNullIs,    Kind::kIsNull,    Kind::kEqual,
                                    Kind::kLess,         Kind::kLessEqual, Kind::kGreater,
                                    Kind::kGreaterEqual, Kind::kIn,        Kind::kLike,
                                    Kind::kStartsWith,   Kind::kEndsWith,  Kind::kContains};
  const Kind kind = kKinds[Between(random, 0, is_text ? 11 : 7)];
  Predicate leaf = Leaf(kind, column, type);
  leaf.constant = OneIn(random, 2);
  if (kind == Kind::kIn) {
    leaf.in_has_null = OneIn(random, 4);
    for (auto n = Between(random, 0, 4); n > 0; --n)
      leaf.values.push_back(RandomValue(random, type));
    const auto less = [](const Value& a, const Value& b) { return Compare(a, b) < 0; };
    const auto same = [](const Value& a, const Value& b) { return Compare(a, b) == 0; };
    std::sort(leaf.values.begin(), leaf.values.end(), less);
    leaf.values.erase(std::unique(leaf.values.begin(), leaf.values.end(), same), leaf.values.end());
  } else if (kind >= Kind::kEqual && kind <= Kind::kGreaterEqual) {
    leaf.values.push_back(RandomValue(random, type));
  } else if (kind >= Kind::kLike) {
    leaf.pattern = RandomText(random, OneIn(random, 9) ? 60 : 3);
  }
  return leaf;
}

inline Predicate RandomPredicate(Generator& random, const std::map<ColumnId, DataType>& columns,
                                 int depth) {
  const auto shape = depth == 0 ? 0 : Between(random, 0, 5);
  if (shape >= 4) return Predicate::Not(RandomPredicate(random, columns, depth - 1));
  if (shape >= 2) {
    std::vector<Predicate> children;
    for (auto n = Between(random, 0, 3); n > 0; --n) {
      children.push_back(RandomPredicate(random, columns, depth - 1));
    }
    return shape == 2 ? Predicate::And(std::move(children)) : Predicate::Or(std::move(children));
  }
  if (OneIn(random, 30)) return Predicate::Constant(OneIn(random, 2));
  const auto column = std::next(columns.begin(), Between(random, 0, std::ssize(columns) - 1));
  return RandomLeaf(random, column->first, column->second);
}

}  // namespace granary::storage::sample
