#include "latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace granary::bench {

// Below 2^kSubBits each value has its own bucket; above, the leading kSubBits + 1 bits choose it.
std::size_t LatencyHistogram::BucketOf(std::uint64_t nanoseconds) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(nanoseconds)) - kSubBits - 1);
  return (static_cast<std::size_t>(shift) << kSubBits) +
         static_cast<std::size_t>(nanoseconds >> shift);
}

double LatencyHistogram::MiddleOf(std::size_t bucket) {
  constexpr std::size_t kSub = std::size_t{1} << kSubBits;
  if (bucket < 2 * kSub) return static_cast<double>(bucket);
  const int shift = static_cast<int>(bucket >> kSubBits) - 1;
  const auto low = static_cast<double>(bucket - (static_cast<std::size_t>(shift) << kSubBits));
  return std::ldexp(low + 0.5, shift);
}

void LatencyHistogram::Add(std::uint64_t nanoseconds) {
  ++buckets_[BucketOf(nanoseconds)];
  ++count_;
  sum_ += nanoseconds;
  min_ = std::min(min_, nanoseconds);
  max_ = std::max(max_, nanoseconds);
}

double LatencyHistogram::mean_us() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_) / 1e3;
}

double LatencyHistogram::PercentileUs(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted) {
      return std::clamp(MiddleOf(bucket), static_cast<double>(min_), static_cast<double>(max_)) /
             1e3;
    }
  }
  return max_us();
}

}  // namespace granary::bench
