#include "granary/query/exec/percentile_keys.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace granary::query {

double NumberOfPercentileKey(std::uint64_t key) {
  const bool was_negative = (key & kPercentileSignBit) == 0;
  return std::bit_cast<double>(was_negative ? ~key : key ^ kPercentileSignBit);
}

PercentilePlace PlaceOfPercentile(double p, std::uint64_t count) {
  const double position = p * static_cast<double>(count - 1);
  const double below = std::floor(position);
  return {static_cast<std::uint64_t>(below), position - below};
}

double PercentileBetween(const PercentilePlace& place, std::uint64_t below, std::uint64_t above) {
  const double from = NumberOfPercentileKey(below);
  // The next of an infinity may be one: their difference is none.
  if (place.part == 0 || above == below) return from;
  return from + (NumberOfPercentileKey(above) - from) * place.part;
}

void PickPercentiles(std::span<const double> ps, std::span<std::uint64_t> keys,
                     std::span<double> out) {
  std::vector<std::size_t> ascending(ps.size());
  std::iota(ascending.begin(), ascending.end(), std::size_t{0});
  std::sort(ascending.begin(), ascending.end(),
            [&](std::size_t a, std::size_t b) { return ps[a] < ps[b]; });
  // What lies before `unsorted` is in its place already, and nothing behind it is lower.
  auto unsorted = keys.begin();
  for (const std::size_t i : ascending) {
    const PercentilePlace place = PlaceOfPercentile(ps[i], keys.size());
    const auto at = keys.begin() + static_cast<std::ptrdiff_t>(place.below);
    if (at >= unsorted) {
      std::nth_element(unsorted, at, keys.end());
      unsorted = at + 1;
    }
    std::uint64_t above = *at;
    if (place.part != 0 && at + 1 != keys.end()) {
      const auto next = at + 1 < unsorted ? at + 1 : std::min_element(unsorted, keys.end());
      above = *next;
      if (next >= unsorted) {
        std::swap(*unsorted, *next);
        ++unsorted;
      }
    }
    out[i] = PercentileBetween(place, *at, above);
  }
}

}  // namespace granary::query
