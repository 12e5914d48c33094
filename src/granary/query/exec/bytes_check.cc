// Comparisons of strings, binaries and uuids, by bytes.
#include <arrow/array.h>
#include <tsl/robin_set.h>

#include <cstring>
#include <string>
#include <string_view>

#include "granary/base/hash.h"
#include "granary/query/exec/value_check.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;
using CheckPtr = std::unique_ptr<ValueCheck>;

struct VariableBytes {
  VariableBytes(const arrow::Array& values, std::int64_t first)
      : offsets(values.data()->GetValues<std::int32_t>(1) + first),
        data(values.data()->buffers[2] == nullptr
                 ? nullptr
                 : reinterpret_cast<const char*>(values.data()->buffers[2]->data())) {}
  std::string_view operator[](std::int64_t row) const {
    return {data + offsets[row], static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
  }
  const std::int32_t* offsets;
  const char* data;
};

struct UuidBytes {
  UuidBytes(const arrow::Array& values, std::int64_t first)
      : data(reinterpret_cast<const char*>(values.data()->buffers[1]->data()) +
             (values.offset() + first) * 16) {}
  std::string_view operator[](std::int64_t row) const { return {data + row * 16, 16}; }
  const char* data;
};

template <Kind kKind>
bool Holds(std::string_view value, std::string_view literal) {
  if constexpr (kKind == Kind::kEqual) return value == literal;
  if constexpr (kKind == Kind::kLess) return value < literal;
  if constexpr (kKind == Kind::kLessEqual) return value <= literal;
  if constexpr (kKind == Kind::kGreater) return value > literal;
  if constexpr (kKind == Kind::kGreaterEqual) return value >= literal;
}

template <Kind kKind, typename Bytes>
class CompareCheck final : public ValueCheck {
 public:
  explicit CompareCheck(std::string literal) : literal_(std::move(literal)) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t*, std::uint8_t* out) const override {
    const Bytes in(values, first);
    const std::string_view literal = literal_;
    for (std::int64_t i = 0; i < count; ++i) out[i] = Holds<kKind>(in[i], literal);
  }

 private:
  std::string literal_;
};

struct BytesHash {
  std::size_t operator()(std::string_view bytes) const { return Hash64(bytes); }
};

template <typename Bytes>
class ItemsCheck final : public ValueCheck {
 public:
  explicit ItemsCheck(std::vector<std::string> items)
      : items_(std::move(items)), set_(items_.begin(), items_.end()) {}
  void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
             const std::uint8_t* wanted, std::uint8_t* out) const override {
    const Bytes in(values, first);
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = (wanted == nullptr || wanted[i] != 0) && set_.contains(in[i]);
    }
  }
  bool costly() const override { return true; }

 private:
  std::vector<std::string> items_;
  tsl::robin_set<std::string_view, BytesHash> set_;
};

template <typename Bytes>
CheckPtr Make(Kind kind, std::vector<std::string> items) {
  switch (kind) {
    case Kind::kEqual:
      return std::make_unique<CompareCheck<Kind::kEqual, Bytes>>(std::move(items[0]));
    case Kind::kLess:
      return std::make_unique<CompareCheck<Kind::kLess, Bytes>>(std::move(items[0]));
    case Kind::kLessEqual:
      return std::make_unique<CompareCheck<Kind::kLessEqual, Bytes>>(std::move(items[0]));
    case Kind::kGreater:
      return std::make_unique<CompareCheck<Kind::kGreater, Bytes>>(std::move(items[0]));
    case Kind::kGreaterEqual:
      return std::make_unique<CompareCheck<Kind::kGreaterEqual, Bytes>>(std::move(items[0]));
    default: return std::make_unique<ItemsCheck<Bytes>>(std::move(items));
  }
}

}  // namespace

Result<CheckPtr> MakeBytesCheck(const Predicate& leaf, const DataType& type) {
  std::vector<std::string> items;
  for (const Value& value : leaf.values) {
    const auto* item = std::get_if<std::string>(&value);
    if (item == nullptr) return Status::Internal("a literal outside of its column's domain");
    items.push_back(*item);
  }
  if (type.kind() == TypeKind::kUuid) return Make<UuidBytes>(leaf.kind, std::move(items));
  return Make<VariableBytes>(leaf.kind, std::move(items));
}

}  // namespace granary::query
