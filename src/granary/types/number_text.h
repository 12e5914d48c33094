// Numbers as text, exactly: reading a JSON number against an integer or decimal column, comparing
// two of them digit by digit, and writing decimals and floats. No integer passes through a double
// here.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/int128.h"

namespace granary {

/// True for all of ^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$, JSON's number.
bool IsJsonNumber(std::string_view text);
/// The same without an exponent: how a decimal may be written as a string.
bool IsPlainDecimal(std::string_view text);
/// The same without a fraction: -?(0|[1-9][0-9]*).
bool IsPlainInteger(std::string_view text);

inline constexpr int kPowerOfTenMax = 38;
/// 10^exponent, 0 <= exponent <= kPowerOfTenMax.
Int128 PowerOfTen(int exponent);

/// Where number * 10^scale falls among the integers.
struct ScaledNumber {
  Int128 floor = 0;      ///< The greatest integer not above it; meaningless out of range.
  bool exact = true;     ///< It is `floor` itself.
  int out_of_range = 0;  ///< -1 or +1: its magnitude is 10^38 or more.
};

/// `text` must be a JSON number, of any length and exponent.
ScaledNumber ScaleNumber(std::string_view text, int scale);

/// Orders two JSON numbers by value, whatever their length: 1.0 == 1e0, 9007199254740993 >
/// 9007199254740992.
std::weak_ordering CompareNumbers(std::string_view a, std::string_view b);

/// Appends bytes that order as JSON numbers do by value, exactly, and are equal for equal numbers;
/// none is the beginning of another's.
void AppendNumberOrder(std::string_view text, std::string& out);

/// One spelling for equal JSON numbers: 1, 1.0 and 1e0 append "1". Plain digits while these are
/// few.
void AppendNormalNumber(std::string_view text, std::string& out);

/// A whole number as text, without its sign.
struct PlainWhole {
  std::uint64_t magnitude = 0;
  bool negative = false;
};
/// The usual whole number: JSON's, of at most 19 digits. Nothing is not to say that it is none.
std::optional<PlainWhole> ReadPlainWhole(std::string_view text);
/// The nearest double of a JSON number without exponent, where one division finds it: up to 2^53
/// without the point, up to 22 places behind it. Nothing is not to say that it is none.
std::optional<double> ReadPlainDouble(std::string_view text);

/// The nearest double (float) to a JSON number; ±infinity beyond the largest.
double NearestDouble(std::string_view text);
float NearestFloat(std::string_view text);

/// 12.50 for (1250, 2); -0.05 for (-5, 2).
void AppendDecimal(Int128 unscaled, int scale, std::string& out);

/// The shortest text that reads back equal, with a ".0" or an exponent so that it is never taken
/// for an integer: 100.0, 0.1, 1e+21. NaN, Infinity, -Infinity for the rest.
void AppendDoubleText(double value, std::string& out);
void AppendFloatText(float value, std::string& out);

/// Appends an integer's digits.
void AppendInteger(std::int64_t value, std::string& out);
void AppendInteger(std::uint64_t value, std::string& out);

}  // namespace granary
