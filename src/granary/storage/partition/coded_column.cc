#include "granary/storage/partition/coded_column.h"

#include <bit>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>

#include <arrow/array.h>
#include <tsl/robin_map.h>

#include "granary/base/check.h"
#include "granary/storage/partition/bucket_hash.h"
#include "granary/storage/partition/civil_time.h"
#include "granary/storage/partition/truncate.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

struct KeyHash {
  std::size_t operator()(std::string_view key) const { return HashBytes(key); }
  std::size_t operator()(Int128 key) const { return HashInt128(key); }
  std::size_t operator()(double key) const { return HashDouble(key); }
  std::size_t operator()(std::int64_t key) const {
    return HashInteger(static_cast<std::uint64_t>(key));
  }
  std::size_t operator()(std::uint64_t key) const { return HashInteger(key); }
  std::size_t operator()(bool key) const { return key; }
};

/// One NaN is one partition.
struct KeyEqual {
  template <typename Key>
  bool operator()(const Key& a, const Key& b) const {
    if constexpr (std::is_same_v<Key, double>) {
      return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
    } else {
      return a == b;
    }
  }
};

template <typename Key>
Value ToValue(const Key& key) {
  if constexpr (std::is_same_v<Key, std::string_view>)
    return std::string(key);
  else
    return key;
}

/// Gives codes to keys. A key that is a view stays in the array.
template <typename Key>
class Coder {
 public:
  std::uint32_t CodeOf(const Key& key) {
    if (last_ && KeyEqual()(*last_, key)) return last_code_;
    const auto [entry, added] =
        codes_.try_emplace(key, static_cast<std::uint32_t>(coded_.keys.size()));
    if (added) coded_.keys.push_back(ToValue(key));
    last_ = key;
    return last_code_ = entry->second;
  }
  std::uint32_t CodeOfNull() {
    if (!null_code_) {
      null_code_ = static_cast<std::uint32_t>(coded_.keys.size());
      coded_.keys.emplace_back();
    }
    return *null_code_;
  }
  CodedColumn& coded() { return coded_; }

 private:
  CodedColumn coded_;
  tsl::robin_map<Key, std::uint32_t, KeyHash, KeyEqual> codes_;
  std::optional<Key> last_;
  std::uint32_t last_code_ = 0;
  std::optional<std::uint32_t> null_code_;
};

/// `key_at(row)` is the key of a row that is not null.
template <typename Key, typename KeyAt>
CodedColumn CodeRows(const arrow::Array& array, const KeyAt& key_at) {
  Coder<Key> coder;
  const bool has_nulls = array.null_count() > 0;
  std::vector<std::uint32_t> codes(static_cast<std::size_t>(array.length()));
  for (std::int64_t row = 0; row < array.length(); ++row) {
    codes[static_cast<std::size_t>(row)] =
        has_nulls && array.IsNull(row) ? coder.CodeOfNull() : coder.CodeOf(key_at(row));
  }
  coder.coded().codes = std::move(codes);
  return std::move(coder.coded());
}

/// Remembers the bounds of the last period, so that most rows need no division.
class PeriodFinder {
 public:
  PeriodFinder(TransformKind kind, const TimeScale& scale) : kind_(kind), scale_(scale) {}
  std::int64_t operator()(std::int64_t value) {
    if (value >= start_ && value < end_) return period_;
    period_ = PeriodOf(kind_, value, scale_);
    start_ = StartOfPeriod(kind_, period_, scale_);
    end_ = StartOfPeriod(kind_, period_ + 1, scale_);
    return period_;
  }

 private:
  TransformKind kind_;
  TimeScale scale_;
  std::int64_t period_ = 0;
  Int128 start_ = 1;
  Int128 end_ = 0;
};

/// Signed integers, dates, times, timestamps.
template <typename T>
CodedColumn CodeLongs(const Transform& transform, const DataType& type, const arrow::Array& array) {
  const T* values = array.data()->GetValues<T>(1);
  const auto code = [&](const auto& key_of) {
    return CodeRows<std::int64_t>(array, [&](std::int64_t row) { return key_of(values[row]); });
  };
  const std::uint32_t parameter = transform.parameter;
  switch (transform.kind) {
    case TransformKind::kIdentity: return code([](std::int64_t value) { return value; });
    case TransformKind::kTruncate:
      return code([=](std::int64_t value) { return TruncateLong(value, parameter); });
    case TransformKind::kBucket:
      return code([&](std::int64_t value) {
        const bool is_instant = type.kind() == TypeKind::kTimestamp;
        const std::int64_t hashed = is_instant ? BucketMicros(value, type.unit()) : value;
        return BucketOf(BucketHashOfLong(hashed), parameter);
      });
    default: {
      PeriodFinder find(transform.kind, ScaleOf(type));
      return code([&find](std::int64_t value) { return find(value); });
    }
  }
}

template <typename T>
CodedColumn CodeNaturals(const Transform& transform, const DataType& type,
                         const arrow::Array& array) {
  const T* values = array.data()->GetValues<T>(1);
  const std::uint32_t parameter = transform.parameter;
  if (transform.kind == TransformKind::kBucket) {
    return CodeRows<std::int64_t>(array, [&](std::int64_t row) {
      return BucketOf(BucketHash(type, static_cast<std::uint64_t>(values[row])), parameter);
    });
  }
  const std::uint64_t width = transform.kind == TransformKind::kTruncate ? parameter : 1;
  return CodeRows<std::uint64_t>(
      array, [=](std::int64_t row) -> std::uint64_t { return values[row] - values[row] % width; });
}

CodedColumn CodeDecimals(const Transform& transform, const arrow::Array& array) {
  const auto* values = array.data()->GetValues<Int128>(1);
  const std::uint32_t parameter = transform.parameter;
  if (transform.kind == TransformKind::kBucket) {
    return CodeRows<std::int64_t>(array, [=](std::int64_t row) {
      return BucketOf(BucketHashOfDecimal(values[row]), parameter);
    });
  }
  const std::uint32_t width = transform.kind == TransformKind::kTruncate ? parameter : 1;
  return CodeRows<Int128>(array,
                          [=](std::int64_t row) { return TruncateNumber(values[row], width); });
}

template <typename T>
CodedColumn CodeReals(const arrow::Array& array) {
  const T* values = array.data()->GetValues<T>(1);
  return CodeRows<double>(array, [=](std::int64_t row) { return CanonicalDouble(values[row]); });
}

CodedColumn CodeBooleans(const arrow::Array& array) {
  const auto& flags = static_cast<const arrow::BooleanArray&>(array);
  return CodeRows<bool>(array, [&](std::int64_t row) { return flags.Value(row); });
}

template <typename ArrayType>
CodedColumn CodeBytes(const Transform& transform, const DataType& type, const arrow::Array& array) {
  const auto& bytes = static_cast<const ArrayType&>(array);
  const std::uint32_t parameter = transform.parameter;
  if (transform.kind == TransformKind::kBucket) {
    return CodeRows<std::int64_t>(
        array, [&](std::int64_t row) { return BucketOf(Murmur3(bytes.GetView(row)), parameter); });
  }
  if (transform.kind == TransformKind::kIdentity) {
    return CodeRows<std::string_view>(array, [&](std::int64_t row) { return bytes.GetView(row); });
  }
  const bool is_text = type.kind() == TypeKind::kString;
  return CodeRows<std::string_view>(array, [&](std::int64_t row) {
    const std::string_view value = bytes.GetView(row);
    return is_text ? TruncateText(value, parameter) : value.substr(0, parameter);
  });
}

}  // namespace

CodedColumn CodeColumn(const Transform& transform, const DataType& type,
                       const arrow::Array& array) {
  switch (array.type_id()) {
    case arrow::Type::BOOL: return CodeBooleans(array);
    case arrow::Type::INT8: return CodeLongs<std::int8_t>(transform, type, array);
    case arrow::Type::INT16: return CodeLongs<std::int16_t>(transform, type, array);
    case arrow::Type::INT32:
    case arrow::Type::DATE32: return CodeLongs<std::int32_t>(transform, type, array);
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::TIME64: return CodeLongs<std::int64_t>(transform, type, array);
    case arrow::Type::UINT8: return CodeNaturals<std::uint8_t>(transform, type, array);
    case arrow::Type::UINT16: return CodeNaturals<std::uint16_t>(transform, type, array);
    case arrow::Type::UINT32: return CodeNaturals<std::uint32_t>(transform, type, array);
    case arrow::Type::UINT64: return CodeNaturals<std::uint64_t>(transform, type, array);
    case arrow::Type::FLOAT: return CodeReals<float>(array);
    case arrow::Type::DOUBLE: return CodeReals<double>(array);
    case arrow::Type::DECIMAL128: return CodeDecimals(transform, array);
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return CodeBytes<arrow::BinaryArray>(transform, type, array);
    case arrow::Type::FIXED_SIZE_BINARY:
      return CodeBytes<arrow::FixedSizeBinaryArray>(transform, type, array);
    default: GRANARY_CHECK(false, "no partitions of {}", array.type()->ToString());
  }
  return {};
}

}  // namespace granary::storage
