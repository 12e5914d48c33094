#include "granary/api/real_number.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

namespace granary::api {

Result<double> RealNumber(const JsonNode& node, const std::string& pointer, double least,
                          double most) {
  if (node.kind != JsonNode::Kind::kNumber) return WrongKind(pointer, "a number", node);
  double value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto read = std::from_chars(node.text.data(), end, value);
  // What is too large for a double is out of bounds, too.
  if (read.ec != std::errc() || read.ptr != end || !(value >= least && value <= most)) {
    return Status::Invalid(
        Code::kInvalidRequest, pointer,
        fmt::format("expected a number from {} to {}, found {}", least, most, node.text));
  }
  return value;
}

Result<double> RealMember(ObjectReader& object, std::string_view name, double least, double most,
                          double otherwise) {
  const JsonNode* node = object.Find(name);
  if (node == nullptr) return otherwise;
  return RealNumber(*node, object.PointerOf(name), least, most);
}

Result<double> RequiredReal(ObjectReader& object, std::string_view name, double least,
                            double most) {
  const JsonNode* node = object.Find(name);
  if (node == nullptr)
    return Status::Invalid(Code::kInvalidRequest, object.PointerOf(name), "a number is required");
  return RealNumber(*node, object.PointerOf(name), least, most);
}

void AddReal(JsonObject& object, std::string_view name, double value) {
  fmt::format_to(std::back_inserter(object.Key(name)), "{}", std::isfinite(value) ? value : 0.0);
}

Status WrongValue(const std::string& pointer, std::string detail) {
  return Status::Invalid(Code::kInvalidRequest, pointer, std::move(detail));
}

}  // namespace granary::api
