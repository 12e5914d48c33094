#include "granary/api/object_reader.h"

#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace granary::api {

ObjectReader::ObjectReader(const JsonNode& object, std::string pointer)
    : object_(object), pointer_(std::move(pointer)), taken_(object.members.size(), false) {}

Result<ObjectReader> ObjectReader::Of(const JsonNode& node, std::string pointer) {
  if (node.kind != JsonNode::Kind::kObject) return WrongKind(std::move(pointer), "an object", node);
  return ObjectReader(node, std::move(pointer));
}

const JsonNode* ObjectReader::Find(std::string_view name) {
  known_.emplace_back(name);
  for (std::size_t i = 0; i < object_.members.size(); ++i) {
    if (object_.members[i].name != name) continue;
    taken_[i] = true;
    const JsonNode& value = object_.members[i].value;
    return value.kind == JsonNode::Kind::kNull ? nullptr : &value;
  }
  return nullptr;
}

Result<std::optional<std::string>> ObjectReader::Text(std::string_view name) {
  const JsonNode* node = Find(name);
  if (node == nullptr) return std::optional<std::string>();
  if (node->kind != JsonNode::Kind::kString) return WrongKind(PointerOf(name), "a string", *node);
  return std::optional(node->text);
}

Result<std::string> ObjectReader::RequiredName(std::string_view name) {
  GRANARY_ASSIGN(std::optional<std::string> text, Text(name));
  if (!text)
    return Status::Invalid(Code::kInvalidRequest, PointerOf(name), "this member is required");
  return std::move(*text);
}

Result<std::string> ObjectReader::RequiredText(std::string_view name) {
  GRANARY_ASSIGN(std::string text, RequiredName(name));
  if (text.empty())
    return Status::Invalid(Code::kInvalidRequest, PointerOf(name), "must not be empty");
  return text;
}

Result<std::optional<bool>> ObjectReader::Boolean(std::string_view name) {
  const JsonNode* node = Find(name);
  if (node == nullptr) return std::optional<bool>();
  if (node->kind != JsonNode::Kind::kBool)
    return WrongKind(PointerOf(name), "true or false", *node);
  return std::optional(node->boolean);
}

Result<std::optional<std::uint64_t>> ObjectReader::WholeNumber(std::string_view name,
                                                               std::uint64_t min,
                                                               std::uint64_t max) {
  const JsonNode* node = Find(name);
  if (node == nullptr) return std::optional<std::uint64_t>();
  if (node->kind != JsonNode::Kind::kNumber)
    return WrongKind(PointerOf(name), "a whole number", *node);
  std::uint64_t value = 0;
  const char* last = node->text.data() + node->text.size();
  const auto [end, error] = std::from_chars(node->text.data(), last, value);
  if (error != std::errc() || end != last || value < min || value > max) {
    return Status::Invalid(Code::kInvalidRequest, PointerOf(name),
                           fmt::format("expected a whole number from {} to {}, found {}", min, max,
                                       node->text.substr(0, 64)));
  }
  return std::optional(value);
}

Result<const JsonNode*> ObjectReader::Array(std::string_view name) {
  const JsonNode* node = Find(name);
  if (node != nullptr && node->kind != JsonNode::Kind::kArray)
    return WrongKind(PointerOf(name), "an array", *node);
  return node;
}

Result<std::vector<std::string>> ObjectReader::Texts(std::string_view name) {
  GRANARY_ASSIGN(auto texts, OptionalTexts(name));
  return std::move(texts).value_or(std::vector<std::string>());
}

Result<std::vector<std::string>> ObjectReader::Names(std::string_view name) {
  std::vector<std::string> out;
  GRANARY_TRY(Each(name, out, AnyText));
  return out;
}

Result<std::optional<std::vector<std::string>>> ObjectReader::OptionalTexts(std::string_view name) {
  GRANARY_ASSIGN(const JsonNode* node, Array(name));
  std::vector<std::string> out;
  GRANARY_TRY(EachOf(node, name, out, NonEmptyText));
  return node == nullptr ? std::optional<std::vector<std::string>>()
                         : std::optional(std::move(out));
}

Status ObjectReader::NotYet(std::string_view name) {
  return Find(name) == nullptr ? Status::Ok()
                               : NotOffered(PointerOf(name), fmt::format("'{}'", name));
}

Status ObjectReader::Finish() const {
  WrongPlaces wrong;
  for (std::size_t i = 0; i < taken_.size() && !wrong.full(); ++i) {
    if (taken_[i]) continue;
    wrong.Add(Status::Invalid(
        Code::kUnknownMember, PointerOf(object_.members[i].name),
        known_.empty() ? "unknown member; there are none"
                       : fmt::format("unknown member; known are {}", fmt::join(known_, ", "))));
  }
  return wrong.Take();
}

Status WrongKind(std::string pointer, std::string_view expected, const JsonNode& found) {
  return Status::Invalid(Code::kInvalidRequest, std::move(pointer),
                         fmt::format("expected {}, found {}", expected, KindName(found.kind)));
}

Result<std::string> AnyText(const JsonNode& node, const std::string& pointer) {
  if (node.kind != JsonNode::Kind::kString) return WrongKind(pointer, "a string", node);
  return node.text;
}

Result<std::string> NonEmptyText(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(std::string text, AnyText(node, pointer));
  if (text.empty()) return Status::Invalid(Code::kInvalidRequest, pointer, "must not be empty");
  return text;
}

Status NotOffered(std::string pointer, std::string_view what) {
  return Status::Invalid(Code::kUnsupported, std::move(pointer),
                         fmt::format("{} is not offered by this version", what));
}

Status AtPointer(const Status& status, const std::string& pointer) {
  if (status.ok() || !status.fields().empty()) return status;
  return Status::Invalid(status.code(), pointer, std::string(status.message()));
}

}  // namespace granary::api
