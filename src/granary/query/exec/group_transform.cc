#include "granary/query/exec/group_transform.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "granary/query/exec/civil_floor.h"
#include "granary/types/number_text.h"
#include "granary/types/year_range.h"

namespace granary::query {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kMonday = 10'959;  // 2000-01-03, in days since 1970.

Status NoSuchTransform(const std::string& pointer, std::string_view what, const DataType& type) {
  return Status::Invalid(Code::kTypeMismatch, pointer,
                         fmt::format("{} does not apply to {}", what, type.ToString()));
}

Status NotPositive(const std::string& pointer, std::string_view what) {
  return Status::Invalid(Code::kInvalidRequest, pointer,
                         fmt::format("{} must be above zero", what));
}

Int128 FloorDecimal(Int128 value, Int128 width) {
  const Int128 rest = value % width;
  return value - rest - (rest < 0 ? width : 0);
}

/// Of values so large that the next double is further away than the width, the value itself.
double FloorDouble(double value, double width) {
  constexpr double kWholeMax = 9'007'199'254'740'992;  // 2^53
  const double steps = value / width;
  return std::abs(steps) < kWholeMax ? std::floor(steps) * width : value;
}

}  // namespace

Result<Transformer> Transformer::Make(const GroupTransform& transform, const DataType& type,
                                      const std::string& pointer) {
  Transformer made;
  made.input_ = type;
  made.output_ = type;
  if (const auto* part = std::get_if<DatePart>(&transform))
    GRANARY_TRY(made.MakePart(*part, pointer));
  if (const auto* bucket = std::get_if<Bucket>(&transform))
    GRANARY_TRY(made.MakeBucket(*bucket, pointer));
  if (const auto* interval = std::get_if<Interval>(&transform))
    GRANARY_TRY(made.MakeInterval(*interval, pointer));
  return made;
}

Status Transformer::MakePart(DatePart part, const std::string& pointer) {
  if (input_.kind() != TypeKind::kDate && input_.kind() != TypeKind::kTimestamp) {
    return NoSuchTransform(pointer, "a part of a date", input_);
  }
  work_ = Work::kPart;
  part_ = part;
  return Status::Ok();
}

Status Transformer::MakeBucket(const Bucket& bucket, const std::string& pointer) {
  if (!input_.IsNumeric()) return NoSuchTransform(pointer, "a bucket", input_);
  if (!IsJsonNumber(bucket.width) || CompareNumbers(bucket.width, "0") <= 0)
    return NotPositive(pointer, "a bucket");
  const int scale = input_.kind() == TypeKind::kDecimal ? input_.scale() : 0;
  const ScaledNumber width = ScaleNumber(bucket.width, scale);
  const bool whole = width.exact && width.out_of_range == 0;
  if (input_.kind() == TypeKind::kDecimal && whole) {
    work_ = Work::kDecimalWidth;
    decimal_width_ = width.floor;
    return Status::Ok();
  }
  if (input_.IsInteger() && whole && width.floor <= std::numeric_limits<std::int64_t>::max()) {
    work_ = input_.IsUnsigned() ? Work::kNaturalWidth : Work::kIntWidth;
    int_width_ = static_cast<std::int64_t>(width.floor);
    natural_width_ = static_cast<std::uint64_t>(width.floor);
    output_ = input_.IsUnsigned() ? TypeKind::kUInt64 : TypeKind::kInt64;
    return Status::Ok();
  }
  work_ = Work::kDoubleWidth;
  double_width_ = NearestDouble(bucket.width);
  if (double_width_ == 0) return NotPositive(pointer, "a bucket");
  input_ = TypeKind::kFloat64;
  output_ = TypeKind::kFloat64;
  return Status::Ok();
}

Status Transformer::MakeInterval(const Interval& interval, const std::string& pointer) {
  if (interval.micros <= 0) return NotPositive(pointer, "an interval");
  work_ = Work::kIntWidth;
  int_width_ = interval.micros;
  if (input_.kind() == TypeKind::kTime) return Status::Ok();
  if (input_.kind() == TypeKind::kDate) {
    if (interval.micros % kMicrosPerDay != 0) {
      return Status::Invalid(Code::kTypeMismatch, pointer, "a date has no part shorter than a day");
    }
    int_width_ = interval.micros / kMicrosPerDay;
    CountFromMonday(1, false);
    return Status::Ok();
  }
  if (input_.kind() != TypeKind::kTimestamp) return NoSuchTransform(pointer, "an interval", input_);
  std::int64_t units = UnitsPerSecond(input_.unit());
  bool is_one_step = false;
  if (units > kMicrosPerSecond) {
    is_one_step = __builtin_mul_overflow(interval.micros, units / kMicrosPerSecond, &int_width_);
  } else if (const std::int64_t micros_per_unit = kMicrosPerSecond / units;
             interval.micros % micros_per_unit == 0) {
    int_width_ = interval.micros / micros_per_unit;
  } else {
    input_ = DataType::Timestamp(TimeUnit::kMicro);  // the starts lie between the column's units
    output_ = input_;
    units = kMicrosPerSecond;
  }
  CountFromMonday(units * kSecondsPerDay, is_one_step);
  return Status::Ok();
}

/// The type holds instants of one step before that Monday and one after it, no more, when
/// `is_one_step`.
void Transformer::CountFromMonday(std::int64_t units_per_day, bool is_one_step) {
  const bool of_nanos = __builtin_mul_overflow(kDateDaysMin, units_per_day, &int_least_);
  if (of_nanos) int_least_ = std::numeric_limits<std::int64_t>::min();
  if (is_one_step) {
    work_ = Work::kOneStep;
    int_phase_ = kMonday * units_per_day;
    return;
  }
  work_ = Work::kIntPhase;
  int_phase_ = kMonday * units_per_day % int_width_;
}

void Transformer::Apply(ValueBlock& block) const {
  const std::int64_t count = block.size();
  switch (work_) {
    case Work::kNothing: break;
    case Work::kPart: {
      std::int64_t* values = block.MutableInts();
      if (input_.kind() == TypeKind::kTimestamp) {
        FloorInstants(part_, UnitsPerSecond(input_.unit()), values, count);
      } else {
        for (std::int64_t i = 0; i < count; ++i) values[i] = FloorDays(part_, values[i]);
      }
      break;
    }
    case Work::kIntWidth: {
      std::int64_t* values = block.MutableInts();
      for (std::int64_t i = 0; i < count; ++i) values[i] = FloorToMultiple(values[i], int_width_);
      break;
    }
    case Work::kIntPhase: {
      std::int64_t* values = block.MutableInts();
      for (std::int64_t i = 0; i < count; ++i)
        values[i] = std::max(FloorToPhase(values[i], int_width_, int_phase_), int_least_);
      break;
    }
    case Work::kOneStep: {
      std::int64_t* values = block.MutableInts();
      for (std::int64_t i = 0; i < count; ++i)
        values[i] = values[i] >= int_phase_ ? int_phase_ : int_least_;
      break;
    }
    case Work::kNaturalWidth: {
      std::uint64_t* values = block.MutableNaturals();
      for (std::int64_t i = 0; i < count; ++i) values[i] -= values[i] % natural_width_;
      break;
    }
    case Work::kDoubleWidth: {
      double* values = block.MutableDoubles();
      for (std::int64_t i = 0; i < count; ++i) values[i] = FloorDouble(values[i], double_width_);
      break;
    }
    case Work::kDecimalWidth: {
      Int128* values = block.MutableDecimals();
      for (std::int64_t i = 0; i < count; ++i) values[i] = FloorDecimal(values[i], decimal_width_);
      break;
    }
  }
  block.set_type(output_);
}

}  // namespace granary::query
