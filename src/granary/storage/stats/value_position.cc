#include "granary/storage/stats/value_position.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace granary::storage {
namespace {

/// It fits: two values are less than 2^128 apart.
template <typename T>
UInt128 Apart(T from, T to) {
  return static_cast<UInt128>(static_cast<Int128>(to)) -
         static_cast<UInt128>(static_cast<Int128>(from));
}

/// Of integers: each step is a value.
template <typename T>
double ShareOfSteps(T value, RangeEdge edge, T low, RangeEdge low_edge, T high) {
  if constexpr (sizeof(T) <= sizeof(std::uint64_t)) {
    // Subtracted exactly; that the differences are rounded then is nothing to an estimate.
    const auto apart = [](T from, T to) {
      return static_cast<double>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from));
    };
    const double begin = low_edge == RangeEdge::kClosed ? 1 : 0;
    const double end = edge == RangeEdge::kClosed ? 1 : 0;
    const double steps = apart(low, high) + begin;
    return steps <= 0 ? 1 : std::clamp((apart(low, value) + begin - 1 + end) / steps, 0.0, 1.0);
  }
  const long double first = low_edge == RangeEdge::kClosed ? 1 : 0;
  const long double all = static_cast<long double>(Apart(low, high)) + first;
  const long double last = edge == RangeEdge::kClosed ? 1 : 0;
  const long double below = static_cast<long double>(Apart(low, value)) + first - 1 + last;
  return all <= 0 ? 1 : static_cast<double>(std::clamp(below / all, 0.0L, 1.0L));
}

double ShareOfLine(double value, double low, double high) {
  // Halves first, so that the whole width of double does not overflow; infinities are at an end.
  const double width = high / 2 - low / 2;
  if (!std::isfinite(width) || width <= 0) return value >= high ? 1 : value <= low ? 0 : 0.5;
  return std::clamp((value / 2 - low / 2) / width, 0.0, 1.0);
}

/// The next eight bytes as a fraction of one; what is not there counts as the lowest.
double BytesAsFraction(std::string_view bytes) {
  double fraction = 0;
  double digit = 1.0 / 256;
  for (std::size_t i = 0; i < 8 && i < bytes.size(); ++i, digit /= 256) {
    fraction += static_cast<unsigned char>(bytes[i]) * digit;
  }
  return fraction;
}

double ShareOfText(std::string_view value, std::string_view low, std::string_view high) {
  const auto [at, other] = std::mismatch(low.begin(), low.end(), high.begin(), high.end());
  const auto shared = static_cast<std::size_t>(at - low.begin());
  // Between the two, so it shares that as well.
  const auto rest = [shared](std::string_view text) {
    return BytesAsFraction(text.substr(std::min(shared, text.size())));
  };
  return ShareOfLine(rest(value), rest(low), rest(high));
}

}  // namespace

double ShareUpTo(const Value& value, RangeEdge edge, const Value& low, RangeEdge low_edge,
                 const Value& high) {
  const auto against_low = Compare(value, low);
  if (against_low < 0) return 0;
  if (against_low == 0 && (edge == RangeEdge::kOpen || low_edge == RangeEdge::kOpen)) return 0;
  const auto against_high = Compare(value, high);
  if (against_high > 0 || (against_high == 0 && edge == RangeEdge::kClosed)) return 1;
  return std::visit(
      [&](const auto& held) -> double {
        using T = std::decay_t<decltype(held)>;
        const T* from = std::get_if<T>(&low);
        const T* to = std::get_if<T>(&high);
        if (from == nullptr || to == nullptr) return 0.5;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return 0.5;
        } else if constexpr (std::is_same_v<T, std::string>) {
          return ShareOfText(held, *from, *to);
        } else if constexpr (std::is_same_v<T, double>) {
          return ShareOfLine(held, *from, *to);
        } else {
          return ShareOfSteps<T>(held, edge, *from, low_edge, *to);
        }
      },
      value);
}

std::optional<double> StepsBetween(const Value& low, const Value& high) {
  if (Compare(low, high) == 0) return 0;
  return std::visit(
      [&](const auto& held) -> std::optional<double> {
        using T = std::decay_t<decltype(held)>;
        const T* to = std::get_if<T>(&high);
        if constexpr (std::is_integral_v<T> || std::is_same_v<T, Int128>) {
          if (to != nullptr) return static_cast<double>(Apart(held, *to));
        }
        return std::nullopt;
      },
      low);
}

}  // namespace granary::storage
