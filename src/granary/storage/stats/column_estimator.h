// ColumnEstimator: which fraction of a column's rows a condition holds for, by its statistics
// alone.
//
// Place      below the optimizer: it combines these to predicates, and costs plans with them.
// Promise    never fails and never throws, whatever the statistics say; a fraction is between 0 and
//            1. The better source wins: what is certain (nulls, bounds, value sets), then common
//            values and the histogram, then the number of distinct values, then a stated default.
//            What contradicts itself is not used, and distrusted() says why.
// Of whom    of the rows that the statistics were made of. Where they are older than the rows,
//            "certainly none" is only as true as they are: whoever costs a plan takes at least a
//            row.
// Nulls      fractions are of all rows, nulls among them; no condition but Null() holds for a null.
//            NaN is above all numbers and equal to itself, -0.0 is 0.0, as filters have it.
// Threads    immutable.
// Source     the defaults are PostgreSQL's (src/include/utils/selfuncs.h, 17); so is the way from
//            common values and distinct ones to a fraction (var_eq_const, scalarineqsel,
//            like_selectivity).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/storage/stats/distribution.h"
#include "granary/storage/stats/value_position.h"
#include "granary/types/column_stats.h"
#include "granary/types/predicate.h"

namespace granary::storage {

inline constexpr double kDefaultEqual = 0.005;       ///< DEFAULT_EQ_SEL
inline constexpr double kDefaultHalfOpen = 1.0 / 3;  ///< DEFAULT_INEQ_SEL: one end is given
inline constexpr double kDefaultRange = 0.005;       ///< DEFAULT_RANGE_INEQ_SEL: both are
inline constexpr double kDefaultMatch = 0.005;  ///< DEFAULT_MATCH_SEL: LIKE, a prefix, a pattern
inline constexpr double kDefaultNull = 0.005;   ///< DEFAULT_UNK_SEL

/// What a fraction was made of, the best first.
enum class EstimateBasis : std::uint8_t {
  kCertain,       ///< Nulls, bounds or a value set leave nothing open.
  kCommonValues,  ///< The value is among the counted ones.
  kHistogram,
  kDistinct,  ///< All values taken as equally frequent.
  kBounds,    ///< Values taken as evenly spread between min and max.
  kDefault,   ///< Nothing known that helps: the constants above.
};
/// "certain", "common values", "histogram", "distinct values", "bounds", "default".
std::string_view EstimateBasisName(EstimateBasis basis);

struct Estimate {
  double fraction = 0;  ///< Of all rows, 0 to 1.
  EstimateBasis basis = EstimateBasis::kDefault;
};

/// One end of a range; a null value leaves that side open to all.
struct RangeEnd {
  Value value;
  RangeEdge edge = RangeEdge::kClosed;
};
/// Whether `low` leaves `value` in, and `high`.
bool IsAbove(const Value& value, const RangeEnd& low);
bool IsBelow(const Value& value, const RangeEnd& high);

class ColumnEstimator {
 public:
  /// Reads what is needed out of `stats` once (some microseconds); the estimates are look-ups.
  explicit ColumnEstimator(const ColumnStats& stats);

  /// Values are in the column's domain; one of another kind gets the default.
  Estimate Equal(const Value& value) const;
  Estimate Range(const RangeEnd& low, const RangeEnd& high) const;
  /// Each value counted once: give distinct ones. Of more than kInValuesMax, so many are looked at,
  /// evenly spread, and stand for the others.
  static constexpr std::size_t kInValuesMax = 8;
  Estimate In(std::span<const Value> values) const;
  Estimate Null() const;
  Estimate NotNull() const;
  /// Of text.
  Estimate Prefix(std::string_view prefix) const;
  Estimate Like(std::string_view pattern) const;
  Estimate Contains(std::string_view text) const;
  /// Of one leaf of a predicate over this column; the default of its kind where a leaf asks what
  /// statistics do not tell (a path in a document, a regular expression).
  Estimate Leaf(const Predicate& leaf) const;

  std::uint64_t rows() const { return rows_; }
  /// Different values that are not null; nothing when unknown.
  std::optional<double> distinct() const { return distinct_; }
  const std::optional<Distribution>& distribution() const { return distribution_; }
  /// What was not believed, and why, in sentences; empty when all was.
  const std::string& distrusted() const { return distrusted_; }

 private:
  void Distrust(std::string_view reason);
  void TakeNulls(const ColumnStats& stats);
  void TakeBounds(const ColumnStats& stats);
  void TakeValues(const ColumnStats& stats);
  void TakeDistinct(const ColumnStats& stats);
  void TakeDistribution(const ColumnStats& stats);

  bool HasNoValues() const { return nulls_ && *nulls_ == rows_; }
  double ValueFraction() const;  ///< Of rows that are not null.
  bool IsComparable(const Value& value) const;
  /// Certainly none lies there.
  bool IsOutside(const Value& value) const;
  Estimate EqualInside(const Value& value) const;
  Estimate RangeInside(const RangeEnd& low, const RangeEnd& high) const;
  Estimate RangeOfValues(const RangeEnd& low, const RangeEnd& high) const;
  Estimate OfValues(double share, EstimateBasis basis) const;

  // With a distribution (column_estimator_distribution.cc); shares are of the described values.
  Estimate EqualByDistribution(const Value& value) const;
  Estimate RangeByDistribution(const RangeEnd& low, const RangeEnd& high) const;
  double ShareOf(std::uint64_t described_rows) const;
  /// What a sample cannot tell from nothing; 0 when all was looked at.
  double Unseen() const;
  double HistogramUpTo(const Value& value, RangeEdge edge) const;

  std::uint64_t rows_ = 0;
  std::optional<std::uint64_t> nulls_;
  Value min_, max_;
  bool bounds_exact_ = false;
  bool may_have_nan_ = true;
  std::optional<std::vector<Value>> values_;
  std::optional<double> distinct_;
  std::optional<Distribution> distribution_;
  std::vector<double> below_;  ///< Of each bucket: the share of the histogram that is below it.
  std::string distrusted_;
};

}  // namespace granary::storage
