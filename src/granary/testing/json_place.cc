#include "granary/testing/json_place.h"

#include <simdjson.h>

#include "granary/base/check.h"
#include "granary/base/utf8.h"

namespace granary::testing {
namespace {

JsonPlace FindPlace(simdjson::dom::element root, std::string_view pointer) {
  if (root.at_pointer(pointer).error() == simdjson::SUCCESS) return JsonPlace::kValue;
  const auto slash = pointer.rfind('/');
  if (slash == std::string_view::npos) return JsonPlace::kNowhere;
  simdjson::dom::object parent;
  const auto error = root.at_pointer(pointer.substr(0, slash)).get_object().get(parent);
  return error == simdjson::SUCCESS ? JsonPlace::kMissing : JsonPlace::kNowhere;
}

}  // namespace

std::optional<JsonPlace> FindPlace(std::string_view json, std::string_view pointer) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  return FindPlace(root, pointer);
}

void CheckRefusal(const Status& refusal, std::string_view body) {
  GRANARY_CHECK(!refusal.ok() && !refusal.message().empty());
  GRANARY_CHECK(IsValidUtf8(refusal.message()), "message: {}", refusal.message());
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const bool is_json = parser.parse(body.data(), body.size()).get(root) == simdjson::SUCCESS;
  for (const FieldError& field : refusal.fields()) {
    GRANARY_CHECK(IsValidUtf8(field.pointer) && IsValidUtf8(field.detail), "pointer={} detail={}",
                  field.pointer, field.detail);
    GRANARY_CHECK(!is_json || FindPlace(root, field.pointer) != JsonPlace::kNowhere,
                  "{} leads nowhere: {}", field.pointer, refusal.ToString());
  }
}

}  // namespace granary::testing
