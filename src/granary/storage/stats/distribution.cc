#include "granary/storage/stats/distribution.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "granary/base/int128.h"

namespace granary::storage {
namespace {

/// In a sample, a value that came less often may as well have come by chance.
constexpr double kSeenLeast = 5;

/// Weights as shares of `described` rows that add up to it: each count is the difference of two
/// rounded sums.
class Scale {
 public:
  Scale(std::uint64_t weight, std::uint64_t described) : weight_(weight), described_(described) {}

  std::uint64_t Rows(std::uint64_t weight) {
    if (weight_ == 0) return 0;
    sum_ += weight;
    const auto until =
        static_cast<std::uint64_t>(static_cast<UInt128>(sum_) * described_ / weight_);
    return until - std::exchange(given_, until);
  }

 private:
  std::uint64_t weight_, described_;
  std::uint64_t sum_ = 0, given_ = 0;
};

/// The positions of the common values, ascending. `unit` is the weight of one value of the sample.
std::vector<std::size_t> ChooseCommon(const Observations& seen, std::uint64_t weight, double unit) {
  std::vector<std::size_t> chosen;
  const bool whole = seen.sampled == seen.described;
  // Each of few values is counted, however seldom it came.
  const bool few = seen.values.size() <= kCommonValuesMax &&
                   (seen.distinct ? *seen.distinct <= kCommonValuesMax : whole);
  const double least = few ? 1 : (whole ? 2 : kSeenLeast) * unit;
  for (std::size_t i = 0; i < seen.values.size(); ++i) {
    const std::uint64_t often = seen.values[i].exactly;
    if (often > 0 && static_cast<double>(often) >= least) chosen.push_back(i);
  }
  const auto more_often = [&](std::size_t a, std::size_t b) {
    const auto left = seen.values[a].exactly;
    const auto right = seen.values[b].exactly;
    return left != right ? left > right : a < b;
  };
  std::sort(chosen.begin(), chosen.end(), more_often);
  if (chosen.size() > kCommonValuesMax) chosen.resize(kCommonValuesMax);

  auto rest = static_cast<double>(weight);
  for (const std::size_t i : chosen) rest -= static_cast<double>(seen.values[i].exactly);
  const double distinct =
      seen.distinct.value_or(static_cast<double>(seen.values.size()) + (seen.nans > 0 ? 1 : 0));
  for (; !chosen.empty() && !few; chosen.pop_back()) {
    const double others = std::max(distinct - static_cast<double>(chosen.size()), 1.0);
    const double mean = std::max(rest, 0.0) / others;
    const double noise = whole ? 0 : 2 * std::sqrt(mean * unit);
    const auto least_common = static_cast<double>(seen.values[chosen.back()].exactly);
    if (least_common > mean + noise + unit / 2) break;
    rest += least_common;
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

/// Of what is in `about`.
void AddBuckets(std::vector<Observations::Seen>& values, Scale& scale, Distribution& made) {
  std::uint64_t all = 0;
  for (const Observations::Seen& seen : values) all += seen.about;
  std::uint64_t below = 0, open = 0;
  UInt128 full = 1;  // Buckets' worth that ends the open one.
  for (Observations::Seen& seen : values) {
    if (seen.about == 0) continue;
    if (below == 0) made.lower = seen.value;
    below += seen.about;
    open += seen.about;
    const UInt128 depth = static_cast<UInt128>(below) * kHistogramBuckets;
    if (depth < full * all) continue;
    const std::uint64_t rows = scale.Rows(std::exchange(open, 0));
    if (rows > 0) made.buckets.push_back({std::move(seen.value), rows});
    full = depth / all + 1;
  }
}

}  // namespace

Distribution Distil(Observations seen) {
  Distribution made{.described = seen.described, .sampled = seen.sampled};
  std::uint64_t weight = seen.nans;
  for (const Observations::Seen& value : seen.values) weight += value.exactly + value.about;
  Scale scale(weight, seen.described);
  const double unit =
      seen.sampled == 0 ? 1 : static_cast<double>(weight) / static_cast<double>(seen.sampled);
  made.nans = scale.Rows(seen.nans);
  for (const std::size_t i : ChooseCommon(seen, weight, unit)) {
    Observations::Seen& value = seen.values[i];
    const std::uint64_t rows = scale.Rows(std::exchange(value.exactly, 0));
    if (rows > 0) made.common.push_back({value.value, rows});
  }
  for (Observations::Seen& value : seen.values) value.about += std::exchange(value.exactly, 0);
  AddBuckets(seen.values, scale, made);
  if (made.buckets.empty()) made.lower = Value();
  return made;
}

}  // namespace granary::storage
