#include "granary/types/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "granary/base/check.h"
#include "granary/types/short_text.h"

namespace granary {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t SkipDigits(std::string_view text, std::size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

/// The end of "-?(0|[1-9][0-9]*)", or 0.
std::size_t SkipInteger(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  if (at >= text.size() || !IsDigit(text[at])) return 0;
  return text[at] == '0' ? at + 1 : SkipDigits(text, at);
}

/// The end of an optional "\.[0-9]+" at `at`, or 0 when the digits are missing.
std::size_t SkipFraction(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '.') return at;
  const std::size_t end = SkipDigits(text, at + 1);
  return end == at + 1 ? 0 : end;
}

/// A number's digits and where its point stands: 0.d1 d2 d3… * 10^point, d1 not zero (unless zero).
struct Digits {
  bool negative = false;
  std::string_view whole;     ///< Before the point, no leading zeroes.
  std::string_view fraction;  ///< After it; leading zeroes only when `whole` is not empty.
  std::int64_t point = 0;

  bool zero() const { return whole.empty() && fraction.empty(); }
  std::size_t size() const { return whole.size() + fraction.size(); }
  int at(std::size_t i) const {
    return (i < whole.size() ? whole[i] : fraction[i - whole.size()]) - '0';
  }
};

/// Zeroes behind the point that a small number is written with before it takes an exponent.
constexpr std::int64_t kPlainZeroesMax = 6;

/// A text cannot be long enough to bring an exponent beyond this back into any range.
constexpr std::int64_t kExponentMax = std::int64_t{1} << 50;

std::int64_t ReadExponent(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  for (const char c : text) exponent = std::min(exponent * 10 + (c - '0'), kExponentMax);
  return negative ? -exponent : exponent;
}

void CutTrailingZeroes(std::string_view& digits) {
  while (digits.ends_with('0')) digits.remove_suffix(1);
}

void CutLeadingZeroes(std::string_view& digits) {
  while (digits.starts_with('0')) digits.remove_prefix(1);
}

Digits ReadDigits(std::string_view text) {
  Digits digits;
  digits.negative = text.starts_with('-');
  if (digits.negative) text.remove_prefix(1);
  std::int64_t exponent = 0;
  if (const auto e = text.find_first_of("eE"); e != text.npos) {
    exponent = ReadExponent(text.substr(e + 1));
    text = text.substr(0, e);
  }
  const auto dot = text.find('.');
  digits.whole = text.substr(0, dot);
  if (dot != text.npos) digits.fraction = text.substr(dot + 1);
  CutLeadingZeroes(digits.whole);
  CutTrailingZeroes(digits.fraction);
  digits.point = exponent + static_cast<std::int64_t>(digits.whole.size());
  if (digits.whole.empty()) {
    const std::size_t before = digits.fraction.size();
    CutLeadingZeroes(digits.fraction);
    digits.point -= static_cast<std::int64_t>(before - digits.fraction.size());
  } else if (digits.fraction.empty()) {
    CutTrailingZeroes(digits.whole);
  }
  return digits;
}

std::weak_ordering CompareMagnitudes(const Digits& a, const Digits& b) {
  if (a.zero() || b.zero()) return b.zero() <=> a.zero();
  if (a.point != b.point) return a.point <=> b.point;
  const std::size_t shared = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < shared; ++i) {
    if (a.at(i) != b.at(i)) return a.at(i) <=> b.at(i);
  }
  return a.size() <=> b.size();  // Neither ends in a zero.
}

/// Where the point stands, so that bytes order as points do: two bytes for what people write, ten
/// for what is beyond.
void AppendPointOrder(std::int64_t point, std::string& out) {
  constexpr std::int64_t kMiddle = std::int64_t{1} << 15;
  const auto append = [&out](std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out.push_back(static_cast<char>(value >> shift));
  };
  if (point > -kMiddle && point < kMiddle - 1) {
    append(static_cast<std::uint64_t>(point + kMiddle), 2);
  } else {
    append(point < 0 ? 0 : 0xFFFF, 2);
    append(static_cast<std::uint64_t>(point) ^ std::uint64_t{1} << 63, 8);
  }
}

/// Two digits a byte, none of them 0, which ends them: fewer digits are less.
void AppendDigitsOrder(const Digits& digits, std::string& out) {
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int second = i + 1 < digits.size() ? digits.at(i + 1) : 0;
    out.push_back(static_cast<char>(1 + digits.at(i) * 10 + second));
  }
  out.push_back('\0');
}

/// from_chars leaves the value alone when it is out of range, above or below.
template <typename Float>
Float Nearest(std::string_view text) {
  Float value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc::result_out_of_range) return value;
  const Digits digits = ReadDigits(text);
  const Float magnitude = digits.point > 0 ? std::numeric_limits<Float>::infinity() : Float{0};
  return digits.negative ? -magnitude : magnitude;
}

/// From here on numbers are written without an exponent.
constexpr double kPlainMin = 1e-5;

/// What has few places, which most numbers have: a fraction of a power of ten is the nearest double
/// of its digits where both are exact (Clinger, as below), and no two numbers of 15 digits are the
/// same double, so that no shorter text reads back equal. Null when it has not.
char* WriteFewPlaces(double value, char* to) {
  constexpr double kExactMax = 1e15;
  constexpr std::pair<int, double> kPlaces[] = {{2, 1e2}, {6, 1e6}};
  const double magnitude = std::abs(value);
  if (magnitude != 0 && magnitude < kPlainMin) return nullptr;
  for (const auto& [places, power] : kPlaces) {
    const double scaled = magnitude * power + 0.5;
    if (!(scaled < kExactMax)) return nullptr;
    auto digits = static_cast<std::uint64_t>(scaled);
    if (static_cast<double>(digits) / power != magnitude) continue;
    if (std::signbit(value)) to = WriteChar('-', to);
    const auto whole_power = static_cast<std::uint64_t>(power);
    to = WriteChar('.', WriteInteger(digits / whole_power, to));
    digits %= whole_power;
    int shown = places;
    for (; shown > 1 && digits % 10 == 0; digits /= 10) --shown;
    return WriteDigits(digits, static_cast<std::size_t>(shown), to);
  }
  return nullptr;
}

template <typename Float>
char* WriteFinite(Float value, char* to) {
  const Float magnitude = std::abs(value);
  // Within this range plain digits are short, and integers below 2^53 are written in full.
  const bool plain = value == 0 || (magnitude >= Float(kPlainMin) && magnitude < Float(1e16));
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  char* end = std::to_chars(to, to + kShortTextMax, value, format).ptr;
  return plain && std::find(to, end, '.') == end ? WriteText(".0", end) : end;
}

template <typename Float>
char* WriteAnyFloat(Float value, char* to) {
  if (std::isfinite(value)) return WriteFinite(value, to);
  return WriteText(std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity", to);
}

/// The digits of a magnitude with a point before the last `scale` of them.
char* WriteScaled(std::string_view digits, int scale, char* to) {
  const auto fraction = static_cast<std::size_t>(scale);
  if (fraction == 0) return WriteText(digits, to);
  if (digits.size() > fraction) {
    to = WriteChar('.', WriteText(digits.substr(0, digits.size() - fraction), to));
    return WriteText(digits.substr(digits.size() - fraction), to);
  }
  to = WriteText("0.", to);
  for (std::size_t zeroes = fraction - digits.size(); zeroes > 0; --zeroes) to = WriteChar('0', to);
  return WriteText(digits, to);
}

constexpr auto kPowersOfTen = [] {
  std::array<Int128, kPowerOfTenMax + 1> powers{};
  powers[0] = 1;
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

}  // namespace

bool IsPlainInteger(std::string_view text) {
  const std::size_t end = SkipInteger(text);
  return end != 0 && end == text.size();
}

bool IsPlainDecimal(std::string_view text) {
  const std::size_t end = SkipInteger(text);
  return end != 0 && SkipFraction(text, end) == text.size();
}

bool IsJsonNumber(std::string_view text) {
  std::size_t at = SkipInteger(text);
  if (at == 0) return false;
  at = SkipFraction(text, at);
  if (at == 0) return false;
  if (at == text.size()) return true;
  if (text[at] != 'e' && text[at] != 'E') return false;
  ++at;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  return at < text.size() && SkipDigits(text, at) == text.size();
}

std::optional<PlainWhole> ReadPlainWhole(std::string_view text) {
  constexpr std::size_t kDigitsMax = 19;  // All of them fit 64 bits.
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
  if (text.front() == '0' && text.size() > 1) return std::nullopt;
  std::uint64_t magnitude = 0;
  for (const char c : text) {
    const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9) return std::nullopt;
    magnitude = magnitude * 10 + digit;
  }
  return PlainWhole{magnitude, negative};
}

// Source: Clinger, "How to Read Floating Point Numbers Accurately": digits and power of ten are
// both exact doubles, so their quotient is rounded once.
std::optional<double> ReadPlainDouble(std::string_view text) {
  constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;
  constexpr std::size_t kBytesMax = 20;  // 19 digits, which fit 64 bits, and the point.
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.size() > kBytesMax) return std::nullopt;
  std::uint64_t digits = 0;
  std::size_t at = 0;
  const auto take_digits = [&] {
    const std::size_t begin = at;
    for (; at < text.size(); ++at) {
      const unsigned digit = static_cast<unsigned char>(text[at]) - unsigned{'0'};
      if (digit > 9) break;
      digits = digits * 10 + digit;
    }
    return at - begin;
  };
  const std::size_t whole = take_digits();
  if (whole == 0 || (whole > 1 && text.front() == '0')) return std::nullopt;
  std::size_t places = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    places = take_digits();
    if (places == 0) return std::nullopt;
  }
  if (at != text.size() || whole + places >= kBytesMax || digits > kExactMax) return std::nullopt;
  const double magnitude = static_cast<double>(digits) / kPowers[places];
  return negative ? -magnitude : magnitude;
}

Int128 PowerOfTen(int exponent) {
  GRANARY_CHECK(exponent >= 0 && exponent <= kPowerOfTenMax, "exponent={}", exponent);
  return kPowersOfTen[static_cast<std::size_t>(exponent)];
}

ScaledNumber ScaleNumber(std::string_view text, int scale) {
  const Digits digits = ReadDigits(text);
  if (digits.zero()) return {};
  const std::int64_t point = digits.point + scale;
  if (point > kPowerOfTenMax) return {0, false, digits.negative ? -1 : 1};

  Int128 magnitude = 0;
  const auto size = static_cast<std::int64_t>(digits.size());
  const std::int64_t kept = std::clamp<std::int64_t>(point, 0, size);
  for (std::int64_t i = 0; i < kept; ++i) {
    magnitude = magnitude * 10 + digits.at(static_cast<std::size_t>(i));
  }
  if (point > size) magnitude *= PowerOfTen(static_cast<int>(point - size));
  const bool exact = point >= size;  // The last digit is not a zero.
  if (!digits.negative) return {magnitude, exact, 0};
  return {exact ? -magnitude : -magnitude - 1, exact, 0};
}

std::weak_ordering CompareNumbers(std::string_view a, std::string_view b) {
  const Digits left = ReadDigits(a);
  const Digits right = ReadDigits(b);
  const auto sign = [](const Digits& d) { return d.zero() ? 0 : d.negative ? -1 : 1; };
  if (sign(left) != sign(right)) return sign(left) <=> sign(right);
  return sign(left) < 0 ? CompareMagnitudes(right, left) : CompareMagnitudes(left, right);
}

void AppendNumberOrder(std::string_view text, std::string& out) {
  enum class Sign : char { kNegative = 1, kZero, kPositive };
  const Digits digits = ReadDigits(text);
  if (digits.zero()) return out.push_back(static_cast<char>(Sign::kZero));
  out.push_back(static_cast<char>(digits.negative ? Sign::kNegative : Sign::kPositive));
  const std::size_t begin = out.size();
  AppendPointOrder(digits.point, out);
  AppendDigitsOrder(digits, out);
  if (!digits.negative) return;
  for (std::size_t at = begin; at < out.size(); ++at) out[at] = static_cast<char>(~out[at]);
}

void AppendNormalNumber(std::string_view text, std::string& out) {
  const Digits digits = ReadDigits(text);
  if (digits.zero()) return out.push_back('0');
  if (digits.negative) out.push_back('-');
  std::string significant(digits.whole);
  significant.append(digits.fraction);
  const auto size = static_cast<std::int64_t>(significant.size());
  if (digits.point >= size && digits.point <= kPowerOfTenMax) {  // 1200
    out.append(significant).append(static_cast<std::size_t>(digits.point - size), '0');
  } else if (digits.point > 0 && digits.point < size) {  // 1.25
    out.append(significant.insert(static_cast<std::size_t>(digits.point), 1, '.'));
  } else if (digits.point <= 0 && digits.point > -kPlainZeroesMax) {  // 0.0125
    out.append("0.").append(static_cast<std::size_t>(-digits.point), '0').append(significant);
  } else {
    out.append(significant).push_back('e');
    AppendInteger(digits.point - size, out);
  }
}

double NearestDouble(std::string_view text) { return Nearest<double>(text); }
float NearestFloat(std::string_view text) { return Nearest<float>(text); }

char* WriteInteger(std::int64_t value, char* to) {
  const fmt::format_int text(value);
  return WriteText({text.data(), text.size()}, to);
}

char* WriteInteger(std::uint64_t value, char* to) {
  const fmt::format_int text(value);
  return WriteText({text.data(), text.size()}, to);
}

char* WriteDoubleText(double value, char* to) {
  char* end = WriteFewPlaces(value, to);
  return end != nullptr ? end : WriteAnyFloat(value, to);
}

char* WriteFloatText(float value, char* to) { return WriteAnyFloat(value, to); }

char* WriteDecimal(Int128 unscaled, int scale, char* to) {
  GRANARY_CHECK(scale >= 0 && scale <= kPowerOfTenMax, "scale={}", scale);
  if (unscaled < 0) to = WriteChar('-', to);
  // As unsigned the smallest value wraps to the right magnitude.
  const UInt128 magnitude =
      unscaled < 0 ? -static_cast<UInt128>(unscaled) : static_cast<UInt128>(unscaled);
  if (magnitude == static_cast<std::uint64_t>(magnitude)) {
    const fmt::format_int text(static_cast<std::uint64_t>(magnitude));
    return WriteScaled({text.data(), text.size()}, scale, to);
  }
  const std::string text = ToString(unscaled);
  return WriteScaled(std::string_view(text).substr(unscaled < 0 ? 1 : 0), scale, to);
}

void AppendDecimal(Int128 unscaled, int scale, std::string& out) {
  std::array<char, kShortTextMax> text;
  out.append(text.data(), WriteDecimal(unscaled, scale, text.data()));
}

void AppendDoubleText(double value, std::string& out) {
  std::array<char, kShortTextMax> text;
  out.append(text.data(), WriteDoubleText(value, text.data()));
}

void AppendFloatText(float value, std::string& out) {
  std::array<char, kShortTextMax> text;
  out.append(text.data(), WriteFloatText(value, text.data()));
}

void AppendInteger(std::int64_t value, std::string& out) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void AppendInteger(std::uint64_t value, std::string& out) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

}  // namespace granary
