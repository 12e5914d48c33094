#include "granary/query/exec/sort_key.h"

#include <bit>
#include <limits>

#include "granary/query/exec/json_values.h"
#include "granary/query/exec/number_texts.h"
#include "granary/types/number_text.h"

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

/// Where integers, decimals and floats meet.
void AppendMixedNumber(const ValueBlock& block, std::int64_t i, std::string& out) {
  std::string text;
  AppendNumberText(block, i, text);
  AppendNumberTextOrder(text, out);
}

/// The double nearest to a number: never the less for the greater number.
double NearestOf(const ValueBlock& block, std::int64_t i) {
  switch (block.kind()) {
    case ValueKind::kInt64: return static_cast<double>(block.ints()[i]);
    case ValueKind::kUInt64: return static_cast<double>(block.naturals()[i]);
    case ValueKind::kDouble: return block.doubles()[i];
    default: break;
  }
  std::string text;
  AppendNumberText(block, i, text);
  return NearestDouble(text);
}

void AppendValue(const ValueBlock& block, std::int64_t i, KeyForm form, std::string& out) {
  if (form == KeyForm::kJson) return AppendJsonOrder(block.bytes(i), out);
  if (form == KeyForm::kMixedNumbers) return AppendMixedNumber(block, i, out);
  switch (block.kind()) {
    case ValueKind::kInt64: return AppendBigEndian(OrderedBits(block.ints()[i]), out);
    case ValueKind::kUInt64: return AppendBigEndian(block.naturals()[i], out);
    case ValueKind::kDouble: return AppendBigEndian(OrderedBits(block.doubles()[i]), out);
    case ValueKind::kInt128:
      AppendBigEndian(HighBits(block.decimals()[i]), out);
      return AppendBigEndian(static_cast<std::uint64_t>(block.decimals()[i]), out);
    case ValueKind::kBytes: return AppendBytesOrder(block.bytes(i), out);
  }
}

std::uint64_t JsonPrefix(std::string_view text) {
  std::string key;
  AppendJsonOrder(text, key);
  if (!IsNumberText(text)) return FirstBytes(key);
  const auto kind = static_cast<unsigned char>(key.front());
  return std::uint64_t{kind} << 56 | OrderedBits(NearestDouble(text)) >> 8;
}

/// Never the less for the greater key.
std::uint64_t Prefix(const ValueBlock& block, std::int64_t i, KeyForm form) {
  if (form == KeyForm::kJson) return JsonPrefix(block.bytes(i));
  if (form == KeyForm::kMixedNumbers) return OrderedBits(NearestOf(block, i));
  switch (block.kind()) {
    case ValueKind::kInt64: return OrderedBits(block.ints()[i]);
    case ValueKind::kUInt64: return block.naturals()[i];
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
