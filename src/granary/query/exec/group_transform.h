// Transformer: what GROUP BY does to a column's values before it groups them.
//
// Types      year…minute keep dates dates and instants instants; an interval floors instants, times
//            of day, and dates by whole days; a bucket floors numbers: integers by whole widths
//            stay integers, decimals by widths of their scale stay decimals, all else becomes
//            float64. What a type cannot hold (a floor below the least int64) becomes its least
//            value.
// Threads    const from many.
#pragma once

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

  enum class Work {
    kNothing,
    kPart,
    kIntWidth,
    kNaturalWidth,
    kDoubleWidth,
    kDecimalWidth
  } work_ = Work::kNothing;
  DataType input_;
  DataType output_;
  DatePart part_ = DatePart::kDay;
  std::int64_t int_width_ = 1;
  std::uint64_t natural_width_ = 1;
  double double_width_ = 1;
  Int128 decimal_width_ = 1;
};

}  // namespace granary::query
