// PercentileKeys: numbers as keys of 64 bits in the same order, and exact percentiles picked out of
// them.
//
// Order      NaN is above all numbers, all NaNs are one, -0.0 is 0.0.
// Why        keys compare without branches, and equal ones are the same bits, so what is picked
//            does not depend on the order in which they came.
// Threads    pure functions.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <span>

namespace granary::query {

inline constexpr std::uint64_t kPercentileSignBit = std::uint64_t{1} << 63;

inline std::uint64_t PercentileKeyOf(double value) {
  value += 0.0;  // -0.0 becomes 0.0.
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  const auto bits = std::bit_cast<std::uint64_t>(value);
  // Of a negative number every bit is turned around, of another the sign.
  const std::uint64_t negative = -(bits >> 63);
  return bits ^ (negative | kPercentileSignBit);
}

double NumberOfPercentileKey(std::uint64_t key);

/// Where a percentile lies among sorted values: at `below`, or by `part` of the way to the next.
struct PercentilePlace {
  std::uint64_t below = 0;
  double part = 0;
};

/// At p * (count - 1), of at least one value.
PercentilePlace PlaceOfPercentile(double p, std::uint64_t count);

/// The percentile, given what lies at its place and next to it (the same when there is no part).
double PercentileBetween(const PercentilePlace& place, std::uint64_t below, std::uint64_t above);

/// out[i] = the percentile ps[i] of `keys`, which are at least one, and are put in another order.
void PickPercentiles(std::span<const double> ps, std::span<std::uint64_t> keys,
                     std::span<double> out);

}  // namespace granary::query
