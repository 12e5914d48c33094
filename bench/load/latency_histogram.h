// LatencyHistogram: how long requests took, in buckets of about 1 %: 64 to each power of two.
//
// Units      nanoseconds in, microseconds out.
// Threads    one.
#pragma once

#include <array>
#include <cstdint>

namespace granary::bench {

class LatencyHistogram {
 public:
  void Add(std::uint64_t nanoseconds);
  std::uint64_t count() const { return count_; }
  double min_us() const { return count_ == 0 ? 0 : static_cast<double>(min_) / 1e3; }
  double max_us() const { return static_cast<double>(max_) / 1e3; }
  double mean_us() const;
  /// The middle of the bucket that `share` (0 to 1) of the requests are not above; 0 of none.
  double PercentileUs(double share) const;

 private:
  static constexpr int kSubBits = 6;
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static std::size_t BucketOf(std::uint64_t nanoseconds);
  static double MiddleOf(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
};

}  // namespace granary::bench
