// The columns that lanes are decoded into: TextLane reads one of strings, LaneValueAt one of any
// kind.
//
// Threads    pure functions; the arrays outlive what reads them.
#pragma once

#include <cstdint>
#include <string_view>

#include <arrow/array.h>

#include "granary/base/status.h"
#include "granary/json/lane_value.h"

namespace granary::json {

/// kTooLarge for what outgrows an array or memory, else kInternal.
Status FromArrow(const arrow::Status& status);

/// Strings, plain or as codes of a dictionary.
class TextLane {
 public:
  static bool Holds(const arrow::Array& array);
  /// `array` is one that Holds.
  explicit TextLane(const arrow::Array& array);

  bool coded() const { return codes_ != nullptr; }
  /// Of the row's string among values().
  std::int64_t Position(std::int64_t row) const { return coded() ? codes_[row] : row; }
  const arrow::StringArray& values() const { return *values_; }
  /// Of a row that is not null.
  std::string_view At(std::int64_t row) const { return values_->GetView(Position(row)); }

 private:
  const std::int32_t* codes_ = nullptr;
  const arrow::StringArray* values_ = nullptr;
};

/// Of a row that is not null, in an array of the lane's type.
LaneValue LaneValueAt(Lane lane, const arrow::Array& array, std::int64_t row);

}  // namespace granary::json
