// Transformer: what GROUP BY does to a column's values before it groups them.
//
// Types      year…minute keep dates dates and instants instants; an interval floors instants, and
//            dates by whole days, in steps from Monday, 3 January 2000 (as DuckDB's time_bucket),
//            so that weeks begin on Mondays, and times of day in steps from midnight; a bucket
//            floors numbers: integers by whole widths stay integers, decimals by widths of their
//            scale stay decimals, all else becomes float64. What a type cannot hold (a floor below
//            the least int64, a year before 1) becomes its least value.
// Threads    const from many.
#pragma once

#include <limits>
#include <string>

#include "granary/base/status.h"
#include "granary/query/exec/value_block.h"
#include "granary/query/plan/requests.h"

namespace granary::query {

class Transformer {
 public:
  /// `type` is the column's. kTypeMismatch at `pointer` when it has no such transform,
  /// kInvalidRequest for a bucket or an interval that is not positive.
  static Result<Transformer> Make(const GroupTransform& transform, const DataType& type,
                                  const std::string& pointer);

  /// Blocks are loaded as this type,
  const DataType& input() const { return input_; }
  /// and are of this one afterwards.
  const DataType& output() const { return output_; }

  void Apply(ValueBlock& block) const;

 private:
  Status MakePart(DatePart part, const std::string& pointer);
  Status MakeBucket(const Bucket& bucket, const std::string& pointer);
  Status MakeInterval(const Interval& interval, const std::string& pointer);
  void CountFromMonday(std::int64_t units_per_day, bool is_one_step);

  enum class Work {
    kNothing,
    kPart,
    kIntWidth,
    kIntPhase,
    kOneStep,
    kNaturalWidth,
    kDoubleWidth,
    kDecimalWidth
  } work_ = Work::kNothing;
  DataType input_;
  DataType output_;
  DatePart part_ = DatePart::kDay;
  std::int64_t int_width_ = 1;
  std::int64_t int_phase_ = 0;
  std::int64_t int_least_ = std::numeric_limits<std::int64_t>::min();
  std::uint64_t natural_width_ = 1;
  double double_width_ = 1;
  Int128 decimal_width_ = 1;
};

}  // namespace granary::query
