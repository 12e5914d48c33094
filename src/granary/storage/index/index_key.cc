#include "granary/storage/index/index_key.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include <arrow/array.h>
#include <arrow/type.h>
#include <arrow/util/bit_run_reader.h>

#include "granary/base/check.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

std::uint64_t OrderOf(std::int64_t value) { return static_cast<std::uint64_t>(value) ^ kSignBit; }
std::uint64_t OrderOf(std::uint64_t value) { return value; }
// IEEE 754 orders as sign and magnitude; NaN is canonical, positive, and above infinity.
std::uint64_t OrderOf(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(CanonicalDouble(value));
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

void PutBigEndian(std::uint64_t value, std::string& out) {
  char bytes[sizeof(value)];
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(bytes, &value, sizeof(value));
  out.append(bytes, sizeof(bytes));
}

void PutOrder(Int128 value, std::string& out) {
  PutBigEndian(static_cast<std::uint64_t>(value >> 64) ^ kSignBit, out);
  PutBigEndian(static_cast<std::uint64_t>(value), out);
}

std::uint64_t PrefixOf(std::string_view key) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    prefix = prefix << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0);
  }
  return prefix;
}

/// Calls `visit(row)` for each position that is not null.
template <typename Visit>
void VisitValid(const arrow::Array& array, const Visit& visit) {
  const auto& data = *array.data();
  if (array.null_count() == 0) {
    for (std::int64_t i = 0; i < data.length; ++i) visit(i);
    return;
  }
  if (array.null_count() == data.length) return;
  arrow::internal::VisitSetBitRunsVoid(data.buffers[0]->data(), data.offset, data.length,
                                       [&](std::int64_t start, std::int64_t length) {
                                         for (std::int64_t i = start; i < start + length; ++i)
                                           visit(i);
                                       });
}

template <typename T, typename Held, typename Visit>
void VisitFixed(const arrow::Array& array, const Visit& visit) {
  const T* values = array.data()->GetValues<T>(1);
  VisitValid(array, [&](std::int64_t i) { visit(i, static_cast<Held>(values[i])); });
}

/// Calls `visit(position, value)` with each value as its column's Value holds it.
template <typename Visit>
void VisitValues(const arrow::Array& array, const Visit& visit) {
  using arrow::Type;
  switch (array.type_id()) {
    case Type::INT8: return VisitFixed<std::int8_t, std::int64_t>(array, visit);
    case Type::INT16: return VisitFixed<std::int16_t, std::int64_t>(array, visit);
    case Type::INT32:
    case Type::DATE32: return VisitFixed<std::int32_t, std::int64_t>(array, visit);
    case Type::INT64:
    case Type::TIMESTAMP:
    case Type::TIME64: return VisitFixed<std::int64_t, std::int64_t>(array, visit);
    case Type::UINT8: return VisitFixed<std::uint8_t, std::uint64_t>(array, visit);
    case Type::UINT16: return VisitFixed<std::uint16_t, std::uint64_t>(array, visit);
    case Type::UINT32: return VisitFixed<std::uint32_t, std::uint64_t>(array, visit);
    case Type::UINT64: return VisitFixed<std::uint64_t, std::uint64_t>(array, visit);
    case Type::FLOAT: return VisitFixed<float, double>(array, visit);
    case Type::DOUBLE: return VisitFixed<double, double>(array, visit);
    case Type::BOOL: {
      const auto& values = static_cast<const arrow::BooleanArray&>(array);
      return VisitValid(
          array, [&](std::int64_t i) { visit(i, static_cast<std::uint64_t>(values.Value(i))); });
    }
    case Type::DECIMAL128:
    case Type::FIXED_SIZE_BINARY: {
      const auto& values = static_cast<const arrow::FixedSizeBinaryArray&>(array);
      const bool decimal = array.type_id() == Type::DECIMAL128;
      return VisitValid(array, [&](std::int64_t i) {
        if (!decimal) return visit(i, values.GetView(i));
        Int128 value;
        std::memcpy(&value, values.GetValue(i), sizeof(value));
        visit(i, value);
      });
    }
    case Type::STRING:
    case Type::BINARY: {
      const auto& values = static_cast<const arrow::BinaryArray&>(array);
      return VisitValid(array, [&](std::int64_t i) { visit(i, values.GetView(i)); });
    }
    default: GRANARY_CHECK(false, "no index over {}", array.type()->ToString());
  }
}

template <typename T>
std::uint64_t HashOf(T value) {
  if constexpr (std::is_same_v<T, double>)
    return HashDouble(value);
  else if constexpr (std::is_same_v<T, Int128>)
    return HashInt128(value);
  else if constexpr (std::is_same_v<T, std::string_view>)
    return HashBytes(value);
  else
    return HashInteger(static_cast<std::uint64_t>(value));
}

template <typename T>
constexpr bool kIsNumber = std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::uint64_t> ||
                           std::is_same_v<T, double>;

}  // namespace

KeyForm KeyFormOf(const DataType& type) {
  if (type.IsBytes()) return KeyForm::kBytes;
  if (type.IsFloat()) return KeyForm::kFloat;
  if (type.IsUnsigned() || type.kind() == TypeKind::kBool) return KeyForm::kUnsigned;
  return type.kind() == TypeKind::kDecimal ? KeyForm::kDecimal : KeyForm::kSigned;
}

bool SharesKeys(const DataType& from, const DataType& to) {
  if (from == to) return true;
  if (!from.IsNumeric() || !to.IsNumeric() || KeyFormOf(from) != KeyFormOf(to)) return false;
  return from.kind() != TypeKind::kDecimal || from.scale() == to.scale();
}

bool AppendOrderKey(const Value& value, std::string& out) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    out.append(*text, 0, kIndexKeyMaxBytes);
    return text->size() > kIndexKeyMaxBytes;
  }
  std::visit(
      [&out](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (kIsNumber<T>)
          PutBigEndian(OrderOf(held), out);
        else if constexpr (std::is_same_v<T, bool>)
          PutBigEndian(held, out);
        else if constexpr (std::is_same_v<T, Int128>)
          PutOrder(held, out);
      },
      value);
  return false;
}

void AppendHashKey(std::uint64_t hash, std::string& out) { PutBigEndian(hash, out); }
void AppendHashKey(const Value& value, std::string& out) { AppendHashKey(HashValue(value), out); }

void AppendHashes(const arrow::Array& array, std::uint32_t first_row, std::vector<RowKey>& out) {
  VisitValues(array, [&](std::int64_t i, auto value) {
    out.push_back({HashOf(value), first_row + static_cast<std::uint32_t>(i)});
  });
}

void AppendNumbers(const arrow::Array& array, std::uint32_t first_row, std::vector<RowKey>& out) {
  VisitValues(array, [&](std::int64_t i, auto value) {
    if constexpr (kIsNumber<decltype(value)>)
      out.push_back({OrderOf(value), first_row + static_cast<std::uint32_t>(i)});
  });
}

void BytesKeys::Append(const arrow::Array& array, std::uint32_t first_row) {
  VisitValues(array, [&](std::int64_t i, auto value) {
    using T = decltype(value);
    const std::size_t offset = buffer.size();
    if constexpr (std::is_same_v<T, std::string_view>) {
      buffer.append(value.substr(0, kIndexKeyMaxBytes));
      cut = cut || value.size() > kIndexKeyMaxBytes;
    } else if constexpr (std::is_same_v<T, Int128>) {
      PutOrder(value, buffer);
    }
    const std::string_view key = std::string_view(buffer).substr(offset);
    entries.push_back({PrefixOf(key), offset, static_cast<std::uint32_t>(key.size()),
                       first_row + static_cast<std::uint32_t>(i)});
  });
}

void BytesKeys::Sort() {
  std::sort(entries.begin(), entries.end(), [this](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order = KeyOf(a).compare(KeyOf(b));
    return order != 0 ? order < 0 : a.row < b.row;
  });
}

}  // namespace granary::storage
