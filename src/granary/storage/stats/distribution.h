// Distribution: how the values of a column are distributed: the most common ones with their counts,
// and an equi-depth histogram of the others.
//
// Shape      described = nans + the common values' rows + the buckets' rows. A bucket holds the
//            values above the bound before it up to its own, the first one those from `lower` on. A
//            common value is in no bucket. Long text is cut to kBoundMaxBytes in bounds, and is
//            never a common value.
// Error      made of a sample of `sampled` of the `described` values (value_sample.h): a rank that
//            the histogram tells is off by no more than sqrt(ln(2/d) / (2 sampled)) of the values
//            with probability 1 - d (Hoeffding 1963): 4.3 % for 1,024 and 95 %, 8.5 % for 256, and
//            plus what is interpolated within a bucket. A merge adds at most 1 / kHistogramBuckets,
//            whatever it merges (distribution_merge.h), and samples add up.
// Size       at most 64 + 65 values: 1.5 KiB of numbers, 10 KiB of long texts.
// Threads    a value; the functions are pure.
// Source     Poosala et al., "Improved Histograms for Selectivity Estimation of Range Predicates"
//            (1996): compressed histograms. Chaudhuri, Motwani, Narasayya, "Random Sampling for
//            Histogram Construction: How Much is Enough?" (1998): equi-depth bounds of a sample.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/types/column_stats.h"

namespace granary::storage {

inline constexpr std::size_t kHistogramBuckets = 64;
/// As many as a value set has, so that each of its values is counted.
inline constexpr std::size_t kCommonValuesMax = kValueSetMax;

struct CommonValue {
  Value value;
  std::uint64_t rows = 0;
  bool operator==(const CommonValue&) const = default;
};

struct HistogramBucket {
  Value upper;
  std::uint64_t rows = 0;
  bool operator==(const HistogramBucket&) const = default;
};

struct Distribution {
  std::uint64_t described = 0;  ///< Values that are not null.
  std::uint64_t sampled = 0;    ///< How many of them were looked at; all: the counts are exact.
  std::uint64_t nans = 0;
  std::vector<CommonValue> common;  ///< By value.
  Value lower;                      ///< Null without buckets.
  std::vector<HistogramBucket> buckets;

  bool operator==(const Distribution&) const = default;
};

std::string EncodeDistribution(const Distribution& distribution);
/// kCorruption for bytes that are not those of a distribution, and for one that contradicts itself:
/// bounds out of order, of several kinds, null or NaN; counts that do not add up.
Result<Distribution> DecodeDistribution(std::string_view bytes);

/// Values that were seen so and so often.
struct Observations {
  struct Seen {
    Value value;
    std::uint64_t exactly = 0;  ///< As this very value: it may be a common one.
    std::uint64_t about = 0;    ///< As values near it.
  };
  std::vector<Seen> values;  ///< Ascending, each once, no NaN.
  std::uint64_t nans = 0;    ///< Their weight.
  std::uint64_t described = 0;
  std::uint64_t sampled = 0;
  std::optional<double> distinct;  ///< Different values among the described ones.
};

/// The common values and histogram of what was observed; weights are scaled so that they add up to
/// `described`. A value is common when it was seen significantly more often than the values that
/// are not, as in PostgreSQL's analyze_mcv_list (src/backend/commands/analyze.c): by two standard
/// deviations of what a sample makes of their mean.
Distribution Distil(Observations seen);

}  // namespace granary::storage
