// Comparisons of numbers, times and booleans. The loops have no branches, so that the compiler
// turns them into vector instructions.
#include <arrow/array.h>
#include <tsl/robin_set.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include "granary/query/exec/byte_mask.h"
#include "granary/query/exec/value_check.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;
using CheckPtr = std::unique_ptr<ValueCheck>;

constexpr std::size_t kFewItems = 8;  ///< So many comparisons are quicker than one look-up.
constexpr std::uint64_t kBitmapSpan = 1 << 16;  ///< Lists whose items lie so close become a bitmap.

template <Kind kKind, typename T>
bool Holds(T value, T literal) {
  if constexpr (kKind == Kind::kEqual) return value == literal;
  if constexpr (kKind == Kind::kLess) return value < literal;
  if constexpr (kKind == Kind::kLessEqual) return value <= literal;
  // NaN sorts above every number, and is not <= or < any.
  if constexpr (kKind == Kind::kGreater) return !(value <= literal);
  if constexpr (kKind == Kind::kGreaterEqual) return !(value < literal);
}

template <Kind kKind, typename T>
class CompareCheck final : public ValueCheck {
 public:
  explicit CompareCheck(T literal) : literal_(literal) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t*, std::uint8_t* out) const override {
    const T* in = values.data()->GetValues<T>(1) + first;
    const T literal = literal_;
    for (std::int64_t i = 0; i < count; ++i) out[i] = Holds<kKind>(in[i], literal);
  }

 private:
  T literal_;
};

template <typename T>
CheckPtr MakeCompare(Kind kind, T literal) {
  switch (kind) {
    case Kind::kEqual: return std::make_unique<CompareCheck<Kind::kEqual, T>>(literal);
    case Kind::kLess: return std::make_unique<CompareCheck<Kind::kLess, T>>(literal);
    case Kind::kLessEqual: return std::make_unique<CompareCheck<Kind::kLessEqual, T>>(literal);
    case Kind::kGreater: return std::make_unique<CompareCheck<Kind::kGreater, T>>(literal);
    default: return std::make_unique<CompareCheck<Kind::kGreaterEqual, T>>(literal);
  }
}

/// x = NaN and x >= NaN ask for NaN, x < NaN for anything else; x <= NaN is always so, x > NaN
/// never.
template <typename T>
class NanCompareCheck final : public ValueCheck {
 public:
  explicit NanCompareCheck(Kind kind)
      : number_holds_(kind == Kind::kLess || kind == Kind::kLessEqual),
        nan_holds_(kind == Kind::kEqual || kind == Kind::kGreaterEqual ||
                   kind == Kind::kLessEqual) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t*, std::uint8_t* out) const override {
    const T* in = values.data()->GetValues<T>(1) + first;
    for (std::int64_t i = 0; i < count; ++i) out[i] = in[i] != in[i] ? nan_holds_ : number_holds_;
  }

 private:
  bool number_holds_;
  bool nan_holds_;
};

template <typename T>
class FewItemsCheck final : public ValueCheck {
 public:
  explicit FewItemsCheck(std::vector<T> items) : items_(std::move(items)) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t*, std::uint8_t* out) const override {
    const T* in = values.data()->GetValues<T>(1) + first;
    std::memset(out, 0, static_cast<std::size_t>(count));
    for (const T item : items_) {
      for (std::int64_t i = 0; i < count; ++i) out[i] |= static_cast<std::uint8_t>(in[i] == item);
    }
  }

 private:
  std::vector<T> items_;
};

template <typename T>
class BitmapItemsCheck final : public ValueCheck {
 public:
  explicit BitmapItemsCheck(const std::vector<T>& items)
      : low_(items.front()), found_(static_cast<std::size_t>(Offset(items.back())) + 1, 0) {
    for (const T item : items) found_[Offset(item)] = 1;
  }
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t*, std::uint8_t* out) const override {
    const T* in = values.data()->GetValues<T>(1) + first;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint64_t at = Offset(in[i]);
      out[i] = at < found_.size() ? found_[at] : 0;
    }
  }

 private:
  std::uint64_t Offset(T value) const {
    return static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(low_);
  }

  T low_;
  ByteMask found_;
};

template <typename T>
class ManyItemsCheck final : public ValueCheck {
 public:
  explicit ManyItemsCheck(const std::vector<T>& items) : items_(items.begin(), items.end()) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t* wanted, std::uint8_t* out) const override {
    const T* in = values.data()->GetValues<T>(1) + first;
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = (wanted == nullptr || wanted[i] != 0) && items_.contains(in[i]);
    }
  }
  bool costly() const override { return true; }

 private:
  tsl::robin_set<T> items_;
};

/// Adds NaN, which no hash set or == finds, to what another check says.
template <typename T>
class OrNanCheck final : public ValueCheck {
 public:
  explicit OrNanCheck(CheckPtr others) : others_(std::move(others)) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t* wanted, std::uint8_t* out) const override {
    others_->Check(values, first, count, wanted, out);
    const T* in = values.data()->GetValues<T>(1) + first;
    for (std::int64_t i = 0; i < count; ++i) out[i] |= static_cast<std::uint8_t>(in[i] != in[i]);
  }

 private:
  CheckPtr others_;
};

/// `items` are sorted and distinct, as in a kIn leaf.
template <typename T>
CheckPtr MakeItems(std::vector<T> items) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!items.empty() && std::isnan(items.back())) {
      items.pop_back();
      return std::make_unique<OrNanCheck<T>>(MakeItems(std::move(items)));
    }
  }
  if (items.size() <= kFewItems) return std::make_unique<FewItemsCheck<T>>(std::move(items));
  if constexpr (std::is_integral_v<T>) {
    const auto span =
        static_cast<std::uint64_t>(items.back()) - static_cast<std::uint64_t>(items.front());
    if (span < kBitmapSpan) return std::make_unique<BitmapItemsCheck<T>>(items);
  }
  return std::make_unique<ManyItemsCheck<T>>(items);
}

/// The literal in the column's C type; nothing when a binder cannot have made it.
template <typename T>
std::optional<T> Native(const Value& value) {
  if constexpr (std::is_floating_point_v<T>) {
    const auto* number = std::get_if<double>(&value);
    return number == nullptr ? std::nullopt : std::optional<T>(static_cast<T>(*number));
  } else if constexpr (std::is_unsigned_v<T>) {
    const auto* number = std::get_if<std::uint64_t>(&value);
    if (number == nullptr || !std::in_range<T>(*number)) return std::nullopt;
    return static_cast<T>(*number);
  } else {
    const auto* number = std::get_if<std::int64_t>(&value);
    if (number == nullptr || !std::in_range<T>(*number)) return std::nullopt;
    return static_cast<T>(*number);
  }
}

template <typename T>
Result<CheckPtr> MakeNative(const Predicate& leaf) {
  std::vector<T> items;
  for (const Value& value : leaf.values) {
    const auto item = Native<T>(value);
    if (!item) return Status::Internal("a literal outside of its column's domain");
    items.push_back(*item);
  }
  if (leaf.kind == Kind::kIn) return MakeItems(std::move(items));
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(items[0])) return CheckPtr(std::make_unique<NanCompareCheck<T>>(leaf.kind));
  }
  return MakeCompare<T>(leaf.kind, items[0]);
}

/// False and true are two values: the leaf is asked once about each.
class BoolCheck final : public ValueCheck {
 public:
  BoolCheck(bool false_holds, bool true_holds)
      : false_holds_(false_holds), true_holds_(true_holds) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t*, std::uint8_t* out) const override {
    ExpandBits(values.data()->buffers[1]->data(), values.offset() + first, count, out);
    const std::uint8_t when_false = false_holds_;
    const std::uint8_t flip = static_cast<std::uint8_t>(false_holds_ != true_holds_);
    for (std::int64_t i = 0; i < count; ++i)
      out[i] = static_cast<std::uint8_t>((out[i] & flip) ^ when_false);
  }

 private:
  bool false_holds_;
  bool true_holds_;
};

bool HoldsFor(const Predicate& leaf, const Value& value) {
  if (leaf.kind == Kind::kIn) {
    for (const Value& item : leaf.values) {
      if (Compare(value, item) == 0) return true;
    }
    return false;
  }
  const auto order = Compare(value, leaf.values[0]);
  switch (leaf.kind) {
    case Kind::kEqual: return order == 0;
    case Kind::kLess: return order < 0;
    case Kind::kLessEqual: return order <= 0;
    case Kind::kGreater: return order > 0;
    default: return order >= 0;
  }
}

/// Decimals: 16 bytes a value, not always on a 16-byte border.
class DecimalCheck final : public ValueCheck {
 public:
  DecimalCheck(Kind kind, std::vector<Int128> items) : kind_(kind), items_(std::move(items)) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t*, std::uint8_t* out) const override {
    const std::uint8_t* in = values.data()->buffers[1]->data() + (values.offset() + first) * 16;
    switch (kind_) {
      case Kind::kEqual: return Loop<Kind::kEqual>(in, count, out);
      case Kind::kLess: return Loop<Kind::kLess>(in, count, out);
      case Kind::kLessEqual: return Loop<Kind::kLessEqual>(in, count, out);
      case Kind::kGreater: return Loop<Kind::kGreater>(in, count, out);
      case Kind::kGreaterEqual: return Loop<Kind::kGreaterEqual>(in, count, out);
      default: return Find(in, count, out);
    }
  }

 private:
  static Int128 Load(const std::uint8_t* in, std::int64_t row) {
    Int128 value;
    std::memcpy(&value, in + row * 16, 16);
    return value;
  }
  template <Kind kKind>
  void Loop(const std::uint8_t* in, std::int64_t count, std::uint8_t* out) const {
    const Int128 literal = items_[0];
    for (std::int64_t i = 0; i < count; ++i) out[i] = Holds<kKind>(Load(in, i), literal);
  }
  void Find(const std::uint8_t* in, std::int64_t count, std::uint8_t* out) const {
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = std::binary_search(items_.begin(), items_.end(), Load(in, i));
    }
  }

  Kind kind_;
  std::vector<Int128> items_;
};

Result<CheckPtr> MakeDecimal(const Predicate& leaf) {
  std::vector<Int128> items;
  for (const Value& value : leaf.values) {
    const auto* item = std::get_if<Int128>(&value);
    if (item == nullptr) return Status::Internal("a literal outside of its column's domain");
    items.push_back(*item);
  }
  return CheckPtr(std::make_unique<DecimalCheck>(leaf.kind, std::move(items)));
}

}  // namespace

Result<CheckPtr> MakeNumberCheck(const Predicate& leaf, const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kBool:
      return CheckPtr(std::make_unique<BoolCheck>(HoldsFor(leaf, false), HoldsFor(leaf, true)));
    case TypeKind::kInt8: return MakeNative<std::int8_t>(leaf);
    case TypeKind::kInt16: return MakeNative<std::int16_t>(leaf);
    case TypeKind::kInt32:
    case TypeKind::kDate: return MakeNative<std::int32_t>(leaf);
    case TypeKind::kInt64:
    case TypeKind::kTimestamp:
    case TypeKind::kTime: return MakeNative<std::int64_t>(leaf);
    case TypeKind::kUInt8: return MakeNative<std::uint8_t>(leaf);
    case TypeKind::kUInt16: return MakeNative<std::uint16_t>(leaf);
    case TypeKind::kUInt32: return MakeNative<std::uint32_t>(leaf);
    case TypeKind::kUInt64: return MakeNative<std::uint64_t>(leaf);
    case TypeKind::kFloat32: return MakeNative<float>(leaf);
    case TypeKind::kFloat64: return MakeNative<double>(leaf);
    case TypeKind::kDecimal: return MakeDecimal(leaf);
    default: return Status::Internal("no comparison for " + type.ToString());
  }
}

}  // namespace granary::query
