#include "granary/json/path_lanes.h"

#include <cstring>
#include <optional>

#include <arrow/api.h>

#include "granary/json/batch_writer.h"
#include "granary/json/json_path.h"
#include "granary/json/lane_array.h"
#include "granary/json/leaf_matcher.h"
#include "granary/json/shredder.h"

namespace granary::json {
namespace {

constexpr std::string_view kDocument = "document";

/// The struct's children with its offset applied; those without any value are left out.
struct Children {
  explicit Children(const arrow::Array& array) {
    const auto& all = static_cast<const arrow::StructArray&>(array);
    for (int i = 0; i < all.num_fields(); ++i) {
      const std::string& name = all.type()->field(i)->name();
      std::shared_ptr<arrow::Array> child = all.field(i);
      if (child->null_count() == child->length()) continue;
      if (name == kDocument) {
        documents = std::move(child);
      } else if (const auto lane = ParseLane(name)) {
        lanes.emplace_back(*lane, std::move(child));
      }
    }
  }
  LaneArrays lanes;
  std::shared_ptr<arrow::Array> documents;
};

class Evaluation {
 public:
  Evaluation(LeafMatcher matcher, bool looked_for)
      : matcher_(std::move(matcher)), looked_for_(looked_for) {}

  /// Of a row without any value.
  bool OfNothing() { return Outcome(); }

  void OfLane(Lane lane, const arrow::Array& array, std::int64_t first, std::int64_t count,
              const std::uint8_t* wanted, std::uint8_t* out) {
    switch (lane) {
      case Lane::kString: return OfStrings(array, first, count, wanted, out);
      case Lane::kInt64: {
        const auto& values = static_cast<const arrow::Int64Array&>(array);
        return Each(array, first, count, wanted, out,
                    [&](std::int64_t row) { matcher_.AddInteger(values.Value(row)); });
      }
      case Lane::kDouble: {
        const auto& values = static_cast<const arrow::DoubleArray&>(array);
        return Each(array, first, count, wanted, out,
                    [&](std::int64_t row) { matcher_.AddDouble(values.Value(row)); });
      }
      case Lane::kBool: {
        const auto& values = static_cast<const arrow::BooleanArray&>(array);
        return Each(array, first, count, wanted, out,
                    [&](std::int64_t row) { matcher_.AddBool(values.Value(row)); });
      }
    }
  }

 private:
  bool Outcome() {
    const auto outcome = matcher_.Finish();
    return outcome.has_value() && *outcome == looked_for_;
  }

  template <typename Add>
  void Each(const arrow::Array& array, std::int64_t first, std::int64_t count,
            const std::uint8_t* wanted, std::uint8_t* out, const Add& add) {
    for (std::int64_t i = 0; i < count; ++i) {
      if ((wanted != nullptr && wanted[i] == 0) || array.IsNull(first + i)) continue;
      add(first + i);
      out[i] = Outcome() ? 1 : 0;
    }
  }

  void OfStrings(const arrow::Array& array, std::int64_t first, std::int64_t count,
                 const std::uint8_t* wanted, std::uint8_t* out) {
    const TextLane strings(array);
    constexpr std::int8_t kUnknown = -1;
    // A value that comes again is asked once.
    std::vector<std::int8_t> known;
    if (strings.coded())
      known.assign(static_cast<std::size_t>(strings.values().length()), kUnknown);
    for (std::int64_t i = 0; i < count; ++i) {
      if ((wanted != nullptr && wanted[i] == 0) || array.IsNull(first + i)) continue;
      const std::int64_t at = strings.Position(first + i);
      std::int8_t own = kUnknown;
      std::int8_t& outcome = strings.coded() ? known[static_cast<std::size_t>(at)] : own;
      if (outcome == kUnknown) {
        matcher_.AddString(strings.values().GetView(at));
        outcome = Outcome() ? 1 : 0;
      }
      out[i] = static_cast<std::uint8_t>(outcome);
    }
  }

  LeafMatcher matcher_;
  const bool looked_for_;
};

/// The rows that matter and have a document, as an array for EvaluatePath, and where they are.
Status OfDocuments(const arrow::StringArray& documents, const Predicate& leaf, bool looked_for,
                   std::int64_t first, std::int64_t count, const std::uint8_t* wanted,
                   std::uint8_t* out) {
  arrow::StringBuilder builder;
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) {
    if ((wanted != nullptr && wanted[i] == 0) || documents.IsNull(first + i)) continue;
    GRANARY_TRY(FromArrow(builder.Append(documents.GetView(first + i))));
    places.push_back(i);
  }
  if (places.empty()) return Status::Ok();
  std::shared_ptr<arrow::Array> gathered;
  GRANARY_TRY(FromArrow(builder.Finish(&gathered)));
  GRANARY_ASSIGN(const auto outcomes, EvaluatePath(*gathered, leaf));
  const auto& known = static_cast<const arrow::BooleanArray&>(*outcomes);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    out[places[i]] = known.IsValid(at) && known.Value(at) == looked_for ? 1 : 0;
  }
  return Status::Ok();
}

/// Coded strings as coded JSON texts.
Result<std::shared_ptr<arrow::Array>> QuotedCodes(const arrow::DictionaryArray& coded) {
  const auto& values = static_cast<const arrow::StringArray&>(*coded.dictionary());
  arrow::StringBuilder builder;
  std::string text;
  for (std::int64_t i = 0; i < values.length(); ++i) {
    text.clear();
    if (values.IsValid(i)) AppendString(values.GetView(i), text);
    GRANARY_TRY(FromArrow(builder.Append(text)));
  }
  std::shared_ptr<arrow::Array> quoted;
  GRANARY_TRY(FromArrow(builder.Finish(&quoted)));
  return std::shared_ptr<arrow::Array>(std::make_shared<arrow::DictionaryArray>(
      arrow::dictionary(arrow::int32(), arrow::utf8()), coded.indices(), std::move(quoted)));
}

}  // namespace

std::shared_ptr<arrow::Array> MakePathLanes(const LaneArrays& lanes,
                                            std::shared_ptr<arrow::Array> documents,
                                            std::int64_t rows) {
  arrow::FieldVector fields;
  arrow::ArrayVector children;
  for (const auto& [lane, array] : lanes) {
    fields.push_back(arrow::field(std::string(LaneName(lane)), array->type()));
    children.push_back(array);
  }
  if (documents != nullptr) {
    fields.push_back(arrow::field(std::string(kDocument), documents->type()));
    children.push_back(std::move(documents));
  }
  return std::make_shared<arrow::StructArray>(arrow::struct_(std::move(fields)), rows,
                                              std::move(children));
}

bool IsPathLanes(const arrow::Array& array) { return array.type_id() == arrow::Type::STRUCT; }

Status EvaluateLanes(const arrow::Array& lanes, const Predicate& leaf, bool looked_for,
                     std::int64_t first, std::int64_t count, const std::uint8_t* wanted,
                     std::uint8_t* out) {
  GRANARY_ASSIGN(LeafMatcher matcher, LeafMatcher::Make(leaf));
  Evaluation evaluation(std::move(matcher), looked_for);
  std::memset(out, evaluation.OfNothing() ? 1 : 0, static_cast<std::size_t>(count));
  const Children children(lanes);
  for (const auto& [lane, array] : children.lanes)
    evaluation.OfLane(lane, *array, first, count, wanted, out);
  if (children.documents != nullptr) {
    GRANARY_TRY(OfDocuments(static_cast<const arrow::StringArray&>(*children.documents), leaf,
                            looked_for, first, count, wanted, out));
  }
  for (std::int64_t i = 0; wanted != nullptr && i < count; ++i) out[i] &= wanted[i];
  return Status::Ok();
}

Result<std::shared_ptr<arrow::Array>> ExtractLanes(const arrow::Array& lanes,
                                                   const std::vector<std::string>& path) {
  const Children children(lanes);
  std::shared_ptr<arrow::Array> found;
  if (children.documents != nullptr) {
    GRANARY_ASSIGN(found, ExtractPath(*children.documents, path));
    if (children.lanes.empty()) return found;
  }
  arrow::StringBuilder builder;
  GRANARY_TRY(FromArrow(builder.Reserve(lanes.length())));
  std::string text;
  for (std::int64_t row = 0; row < lanes.length(); ++row) {
    text.clear();
    for (const auto& [lane, array] : children.lanes) {
      if (array->IsNull(row)) continue;
      AppendLaneValue(LaneValueAt(lane, *array, row), text);
      break;
    }
    if (text.empty() && found != nullptr && found->IsValid(row))
      text = static_cast<const arrow::StringArray&>(*found).GetView(row);
    GRANARY_TRY(FromArrow(text.empty() ? builder.AppendNull() : builder.Append(text)));
  }
  std::shared_ptr<arrow::Array> texts;
  GRANARY_TRY(FromArrow(builder.Finish(&texts)));
  return texts;
}

Result<std::shared_ptr<arrow::Array>> ExtractCodedLanes(const arrow::Array& lanes,
                                                        const std::vector<std::string>& path) {
  const Children children(lanes);
  const bool coded = children.documents == nullptr && children.lanes.size() == 1 &&
                     children.lanes.front().second->type_id() == arrow::Type::DICTIONARY;
  if (!coded) return ExtractLanes(lanes, path);
  return QuotedCodes(static_cast<const arrow::DictionaryArray&>(*children.lanes.front().second));
}

std::shared_ptr<arrow::Array> NumbersOfLanes(const arrow::Array& lanes) {
  const Children children(lanes);
  if (children.documents != nullptr) return nullptr;
  arrow::DoubleBuilder builder;
  if (!builder.Reserve(lanes.length()).ok()) return nullptr;
  for (std::int64_t row = 0; row < lanes.length(); ++row) {
    std::optional<double> number;
    for (const auto& [lane, array] : children.lanes) {
      if (array->IsNull(row)) continue;
      if (lane == Lane::kInt64)
        number = static_cast<double>(static_cast<const arrow::Int64Array&>(*array).Value(row));
      if (lane == Lane::kDouble) number = static_cast<const arrow::DoubleArray&>(*array).Value(row);
    }
    if (number)
      builder.UnsafeAppend(*number);
    else
      builder.UnsafeAppendNull();
  }
  std::shared_ptr<arrow::Array> numbers;
  return builder.Finish(&numbers).ok() ? numbers : nullptr;
}

}  // namespace granary::json
