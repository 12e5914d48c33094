#include "granary/query/exec/sort_key.h"

#include <bit>
#include <cmath>
#include <limits>

#include "granary/query/exec/json_values.h"

namespace granary::query {
namespace {

constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

std::uint64_t OrderedBits(std::int64_t value) {
  return static_cast<std::uint64_t>(value) ^ kSignBit;
}

std::uint64_t OrderedBits(double value) {
  if (value == 0) value = 0.0;
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

std::uint64_t HighBits(Int128 value) { return OrderedBits(static_cast<std::int64_t>(value >> 64)); }

/// The first eight bytes; what is shorter is filled with zeroes, which order before any byte.
std::uint64_t FirstBytes(std::string_view bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    out = out << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
  }
  return out;
}

/// The greatest double not above an integer.
double FloorDouble(Int128 value) {
  const auto nearest = static_cast<double>(value);
  if (nearest >= 0x1p127) return std::nextafter(nearest, 0.0);
  return static_cast<Int128>(nearest) > value ? std::nextafter(nearest, -HUGE_VAL) : nearest;
}

void AppendValue(const ValueBlock& block, std::int64_t i, KeyForm form, std::string& out) {
  if (form == KeyForm::kJson) return AppendJsonOrder(block.bytes(i), out);
  const bool mixed = form == KeyForm::kMixedNumbers;
  switch (block.kind()) {
    case ValueKind::kInt64:
      return mixed ? AppendNumberOrder(Int128{block.ints()[i]}, out)
                   : AppendBigEndian(OrderedBits(block.ints()[i]), out);
    case ValueKind::kUInt64:
      return mixed ? AppendNumberOrder(static_cast<Int128>(block.naturals()[i]), out)
                   : AppendBigEndian(block.naturals()[i], out);
    case ValueKind::kDouble:
      return mixed ? AppendNumberOrder(block.doubles()[i], out)
                   : AppendBigEndian(OrderedBits(block.doubles()[i]), out);
    case ValueKind::kInt128:
      AppendBigEndian(HighBits(block.decimals()[i]), out);
      return AppendBigEndian(static_cast<std::uint64_t>(block.decimals()[i]), out);
    case ValueKind::kBytes: return AppendBytesOrder(block.bytes(i), out);
  }
}

/// A lower bound of the value's first eight key bytes.
std::uint64_t Prefix(const ValueBlock& block, std::int64_t i, KeyForm form) {
  if (form == KeyForm::kJson) {
    std::string key;
    AppendJsonOrder(block.bytes(i), key);
    return FirstBytes(key);
  }
  const bool mixed = form == KeyForm::kMixedNumbers;
  switch (block.kind()) {
    case ValueKind::kInt64:
      return mixed ? OrderedBits(FloorDouble(block.ints()[i])) : OrderedBits(block.ints()[i]);
    case ValueKind::kUInt64:
      return mixed ? OrderedBits(FloorDouble(static_cast<Int128>(block.naturals()[i])))
                   : block.naturals()[i];
    case ValueKind::kDouble: return OrderedBits(block.doubles()[i]);
    case ValueKind::kInt128: return HighBits(block.decimals()[i]);
    case ValueKind::kBytes: return FirstBytes(block.bytes(i));
  }
  return 0;
}

}  // namespace

void AppendBigEndian(std::uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void AppendBytesOrder(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) {
    out.push_back(byte);
    if (byte == '\0') out.push_back('\xff');
  }
  out.append(2, '\0');
}

void AppendNumberOrder(Int128 value, std::string& out) {
  const double floor = FloorDouble(value);
  AppendBigEndian(OrderedBits(floor), out);
  const auto left = static_cast<UInt128>(value - static_cast<Int128>(floor));
  AppendBigEndian(static_cast<std::uint64_t>(left >> 64), out);
  AppendBigEndian(static_cast<std::uint64_t>(left), out);
}

void AppendNumberOrder(double value, std::string& out) {
  AppendBigEndian(OrderedBits(value), out);
  out.append(16, '\0');
}

void AppendSortKey(const ValueBlock& block, std::int64_t i, KeyForm form, Direction direction,
                   std::string& out) {
  if (!block.IsValid(i)) {
    out.push_back('\1');
    return;
  }
  out.push_back('\0');
  const std::size_t start = out.size();
  AppendValue(block, i, form, out);
  if (direction == Direction::kAscending) return;
  for (std::size_t at = start; at < out.size(); ++at) out[at] = static_cast<char>(~out[at]);
}

void SortPrefixes(const ValueBlock& block, KeyForm form, Direction direction,
                  std::vector<std::uint64_t>& prefixes) {
  prefixes.resize(static_cast<std::size_t>(block.size()));
  const std::uint64_t flip = direction == Direction::kAscending ? 0 : ~std::uint64_t{0};
  if (form == KeyForm::kPlain && block.kind() == ValueKind::kInt64) {
    for (std::size_t i = 0; i < prefixes.size(); ++i)
      prefixes[i] = OrderedBits(block.ints()[i]) ^ flip;
  } else {
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      prefixes[i] = block.IsValid(row) ? Prefix(block, row, form) ^ flip : 0;
    }
  }
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    if (!block.IsValid(static_cast<std::int64_t>(i))) prefixes[i] = ~std::uint64_t{0};
  }
}

}  // namespace granary::query
