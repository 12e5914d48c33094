#include "granary/services/operation_node/members.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "granary/types/time_text.h"

namespace granary::operation {

Result<std::optional<double>> ReadNumber(api::ObjectReader& object, std::string_view name,
                                         double min, double max) {
  const api::JsonNode* node = object.Find(name);
  if (node == nullptr) return std::optional<double>();
  if (node->kind != api::JsonNode::Kind::kNumber)
    return api::WrongKind(object.PointerOf(name), "a number", *node);
  double value = 0;
  const char* last = node->text.data() + node->text.size();
  const auto [end, error] = std::from_chars(node->text.data(), last, value);
  if (error == std::errc() && end == last && value >= min && value <= max)
    return std::optional(value);
  return Status::Invalid(
      Code::kInvalidRequest, object.PointerOf(name),
      fmt::format("expected a number from {} to {}, found {}", min, max, node->text.substr(0, 64)));
}

void AddNumber(api::JsonObject& object, std::string_view name, double value) {
  if (std::isfinite(value))
    AppendFormat(object.Key(name), "{:.3f}", value);
  else
    object.AddNull(name);
}

void AddInstant(api::JsonObject& object, std::string_view name, std::int64_t wall_us) {
  std::string& out = object.Key(name);
  out.push_back('"');
  AppendTimestamp(wall_us, TimeUnit::kMicro, out);
  out.push_back('"');
}

void AddTextOrNull(api::JsonObject& object, std::string_view name, std::string_view text) {
  if (text.empty())
    object.AddNull(name);
  else
    object.Add(name, text);
}

}  // namespace granary::operation
