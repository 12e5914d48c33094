#include "granary/json/lane_array.h"

#include <arrow/api.h>

namespace granary::json {

Status FromArrow(const arrow::Status& status) {
  if (status.ok()) return Status::Ok();
  const bool full = status.IsOutOfMemory() || status.IsCapacityError();
  return {full ? Code::kTooLarge : Code::kInternal, status.ToString()};
}

bool TextLane::Holds(const arrow::Array& array) {
  if (array.type_id() != arrow::Type::DICTIONARY) return array.type_id() == arrow::Type::STRING;
  const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
  return coded.dictionary()->type_id() == arrow::Type::STRING &&
         coded.indices()->type_id() == arrow::Type::INT32;
}

TextLane::TextLane(const arrow::Array& array) {
  if (array.type_id() == arrow::Type::DICTIONARY) {
    const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
    codes_ = coded.indices()->data()->GetValues<std::int32_t>(1);
    values_ = static_cast<const arrow::StringArray*>(coded.dictionary().get());
  } else {
    values_ = static_cast<const arrow::StringArray*>(&array);
  }
}

LaneValue LaneValueAt(Lane lane, const arrow::Array& array, std::int64_t row) {
  LaneValue value;
  value.lane = lane;
  switch (lane) {
    case Lane::kString: value.text = TextLane(array).At(row); break;
    case Lane::kInt64:
      value.integer = static_cast<const arrow::Int64Array&>(array).Value(row);
      break;
    case Lane::kDouble:
      value.number = static_cast<const arrow::DoubleArray&>(array).Value(row);
      break;
    case Lane::kBool:
      value.boolean = static_cast<const arrow::BooleanArray&>(array).Value(row);
      break;
  }
  return value;
}

}  // namespace granary::json
