#include "granary/api/proto_body.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>
#include <storage.pb.h>

#include "granary/api/json_node.h"
#include "granary/api/proto_value.h"
#include "granary/json/batch_writer.h"

namespace granary::api {
namespace {

namespace pb = google::protobuf;
constexpr std::size_t kFilterDepthMax = 64;

Status CheckKnown(const pb::Message& message, const std::string& pointer) {
  const pb::UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  if (unknown.empty()) return Status::Ok();
  return Status::Invalid(Code::kUnknownMember, pointer,
                         fmt::format("{} has no field number {} in this version",
                                     message.GetTypeName(), unknown.field(0).number()));
}

// OPERATOR_STARTS_WITH of the enum Operator -> "starts_with"; a number that nobody knows stays one.
std::string EnumWord(const pb::EnumDescriptor& type, int number) {
  const pb::EnumValueDescriptor* value = type.FindValueByNumber(number);
  if (value == nullptr) return std::to_string(number);
  std::string prefix;  // AggregationType -> AGGREGATION_TYPE_
  for (const char c : type.name()) {
    if (c >= 'A' && c <= 'Z' && !prefix.empty()) prefix.push_back('_');
    prefix.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  std::string word = value->name().substr(prefix.size() + 1);
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return word;
}

JsonNode TextNode(std::string text) {
  JsonNode out;
  out.kind = JsonNode::Kind::kString;
  out.text = std::move(text);
  return out;
}
JsonNode NumberNode(std::string text) {
  JsonNode out = TextNode(std::move(text));
  out.kind = JsonNode::Kind::kNumber;
  return out;
}
JsonNode ObjectNode() {
  JsonNode out;
  out.kind = JsonNode::Kind::kObject;
  return out;
}

Result<JsonNode> MessageNode(const pb::Message& message, const std::string& pointer,
                             std::initializer_list<std::string_view> besides = {});

// ---- Filters

JsonNode& MemberOf(JsonNode& object, const std::string& name) {
  for (JsonMember& member : object.members)
    if (member.name == name) return member.value;
  return object.members.emplace_back(JsonMember{name, ObjectNode()}).value;
}

Status AddComparison(const v1::Comparison& comparison, const std::string& pointer, JsonNode& out) {
  const std::string op = comparison.op() == v1::OPERATOR_UNSPECIFIED
                             ? "eq"
                             : EnumWord(*v1::Operator_descriptor(), comparison.op());
  const std::string at = PointerTo(PointerTo(pointer, comparison.column()), op);
  GRANARY_TRY(CheckKnown(comparison, at));
  if (!comparison.has_value())
    return Status::Invalid(Code::kInvalidLiteral, at, "the comparison has no value");
  std::string literal;
  if (const auto wrong = AppendProtoValue(comparison.value(), ValueUse::kLiteral, literal))
    return Status::Invalid(Code::kInvalidLiteral, at, *wrong);
  GRANARY_ASSIGN(JsonNode holder, ParseJsonObject("{\"v\":" + literal + "}", kJsonDepthMax));
  JsonNode& condition = MemberOf(out, comparison.column());
  if (std::ranges::find(condition.members, op, &JsonMember::name) != condition.members.end())
    return Status::Invalid(Code::kInvalidRequest, at, "this comparison is given twice");
  condition.members.push_back({op, std::move(holder.members[0].value)});
  return Status::Ok();
}

Result<JsonNode> FilterNode(const v1::Filter& filter, const std::string& pointer,
                            std::size_t depth = 1);

Status AddCombined(const pb::RepeatedPtrField<v1::Filter>& filters, const std::string& word,
                   const std::string& pointer, std::size_t depth, JsonNode& out) {
  if (filters.empty()) return Status::Ok();
  const std::string at = PointerTo(pointer, word);
  JsonNode array;
  array.kind = JsonNode::Kind::kArray;
  for (int i = 0; i < filters.size(); ++i) {
    const std::string here = PointerTo(at, static_cast<std::size_t>(i));
    GRANARY_ASSIGN(JsonNode one, FilterNode(filters[i], here, depth + 1));
    array.items.push_back(std::move(one));
  }
  out.members.push_back({word, std::move(array)});
  return Status::Ok();
}

Result<JsonNode> FilterNode(const v1::Filter& filter, const std::string& pointer,
                            std::size_t depth) {
  GRANARY_TRY(CheckKnown(filter, pointer));
  if (depth > kFilterDepthMax)
    return Status::Invalid(Code::kInvalidRequest, pointer, "the filter is nested too deep");
  const bool is_tree =
      filter.where_size() + filter.all_of_size() + filter.any_of_size() > 0 || filter.has_not_of();
  if (!filter.json().empty()) {
    if (is_tree)
      return Status::Invalid(Code::kInvalidRequest, pointer, "give json or a tree, not both");
    return ParseJsonObject(filter.json(), kJsonDepthMax);
  }
  JsonNode out = ObjectNode();
  for (const v1::Comparison& comparison : filter.where())
    GRANARY_TRY(AddComparison(comparison, pointer, out));
  GRANARY_TRY(AddCombined(filter.all_of(), "$and", pointer, depth, out));
  GRANARY_TRY(AddCombined(filter.any_of(), "$or", pointer, depth, out));
  if (filter.has_not_of()) {
    GRANARY_ASSIGN(JsonNode one,
                   FilterNode(filter.not_of(), PointerTo(pointer, "$not"), depth + 1));
    out.members.push_back({"$not", std::move(one)});
  }
  return out;
}

// ---- What has another shape in JSON

// Its own pointers are those of the string or object that stands for it.
Result<JsonNode> TransformNode(const v1::Transform& transform, const std::string& pointer) {
  GRANARY_TRY(CheckKnown(transform, pointer));
  JsonNode out = ObjectNode();
  switch (transform.kind_case()) {
    case v1::Transform::kPart: return TextNode(transform.part());
    case v1::Transform::kInterval:
      out.members.push_back({"interval", TextNode(transform.interval())});
      return out;
    case v1::Transform::kBucket: {
      if (!IsDecimalText(transform.bucket())) {
        return Status::Invalid(Code::kInvalidRequest, PointerTo(pointer, "bucket"),
                               "expected a decimal number such as 10 or 0.5");
      }
      out.members.push_back({"bucket", NumberNode(transform.bucket())});
      return out;
    }
    case v1::Transform::KIND_NOT_SET: break;
  }
  return out;
}

Result<JsonNode> CompressionNode(const v1::Compression& compression, const std::string& pointer) {
  GRANARY_TRY(CheckKnown(compression, pointer));
  if (compression.columns().empty() && compression.has_default_())
    return TextNode(compression.default_());
  return MessageNode(compression, pointer);
}

Result<JsonNode> ColumnsNode(const pb::Message& message, const pb::FieldDescriptor& field,
                             const std::string& pointer) {
  const pb::Reflection& reflection = *message.GetReflection();
  JsonNode out = ObjectNode();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const auto& column =
        static_cast<const v1::ColumnDefinition&>(reflection.GetRepeatedMessage(message, &field, i));
    const std::string at = PointerTo(pointer, column.name());
    GRANARY_TRY(CheckKnown(column, at));
    if (std::ranges::find(out.members, column.name(), &JsonMember::name) != out.members.end())
      return Status::Invalid(Code::kInvalidRequest, at, "this member is given twice");
    out.members.push_back({column.name(), TextNode(column.type())});
  }
  return out;
}

// ---- Any message

Result<JsonNode> SingularNode(const pb::Message& message, const std::string& pointer) {
  if (message.GetDescriptor() == v1::Filter::descriptor())
    return FilterNode(static_cast<const v1::Filter&>(message), pointer);
  if (message.GetDescriptor() == v1::Transform::descriptor())
    return TransformNode(static_cast<const v1::Transform&>(message), pointer);
  if (message.GetDescriptor() == v1::Compression::descriptor())
    return CompressionNode(static_cast<const v1::Compression&>(message), pointer);
  return MessageNode(message, pointer);
}

// `index` is the element of a repeated field, -1 for a field that is none.
Result<JsonNode> FieldNode(const pb::Message& message, const pb::FieldDescriptor& field, int index,
                           const std::string& pointer) {
  const pb::Reflection& reflection = *message.GetReflection();
  const auto get = [&](auto single, auto repeated) {
    return index < 0 ? (reflection.*single)(message, &field)
                     : (reflection.*repeated)(message, &field, index);
  };
  using R = pb::Reflection;
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_BOOL: {
      JsonNode out;
      out.kind = JsonNode::Kind::kBool;
      out.boolean = get(&R::GetBool, &R::GetRepeatedBool);
      return out;
    }
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return NumberNode(std::to_string(get(&R::GetInt32, &R::GetRepeatedInt32)));
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return NumberNode(std::to_string(get(&R::GetInt64, &R::GetRepeatedInt64)));
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return NumberNode(std::to_string(get(&R::GetUInt32, &R::GetRepeatedUInt32)));
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return NumberNode(std::to_string(get(&R::GetUInt64, &R::GetRepeatedUInt64)));
    case pb::FieldDescriptor::CPPTYPE_DOUBLE: {
      std::string text;
      json::AppendDouble(get(&R::GetDouble, &R::GetRepeatedDouble), text);
      if (text.starts_with('"')) return TextNode(text.substr(1, text.size() - 2));
      return NumberNode(std::move(text));
    }
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return TextNode(
          EnumWord(*field.enum_type(), get(&R::GetEnumValue, &R::GetRepeatedEnumValue)));
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return TextNode(get(&R::GetString, &R::GetRepeatedString));
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      return SingularNode(index < 0 ? reflection.GetMessage(message, &field)
                                    : reflection.GetRepeatedMessage(message, &field, index),
                          pointer);
    default: break;
  }
  return Status::Internal(fmt::format("no JSON form for the field {}", field.full_name()));
}

// A map's order is chance; by name it is always the same.
Result<JsonNode> MapNode(const pb::Message& message, const pb::FieldDescriptor& field,
                         const std::string& pointer) {
  const pb::Reflection& reflection = *message.GetReflection();
  JsonNode out = ObjectNode();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const pb::Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    std::string name = entry.GetReflection()->GetString(entry, field.message_type()->map_key());
    GRANARY_ASSIGN(JsonNode value, FieldNode(entry, *field.message_type()->map_value(), -1,
                                             PointerTo(pointer, name)));
    out.members.push_back({std::move(name), std::move(value)});
  }
  std::ranges::sort(out.members, {}, &JsonMember::name);
  return out;
}

Result<JsonNode> RepeatedNode(const pb::Message& message, const pb::FieldDescriptor& field,
                              const std::string& pointer) {
  JsonNode out;
  out.kind = JsonNode::Kind::kArray;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    GRANARY_ASSIGN(JsonNode one,
                   FieldNode(message, field, i, PointerTo(pointer, static_cast<std::size_t>(i))));
    out.items.push_back(std::move(one));
  }
  return out;
}

Result<JsonNode> AnyFieldNode(const pb::Message& message, const pb::FieldDescriptor& field,
                              const std::string& pointer) {
  if (field.message_type() == v1::ColumnDefinition::descriptor())
    return ColumnsNode(message, field, pointer);
  if (field.is_map()) return MapNode(message, field, pointer);
  if (field.is_repeated()) return RepeatedNode(message, field, pointer);
  return FieldNode(message, field, -1, pointer);
}

Result<JsonNode> MessageNode(const pb::Message& message, const std::string& pointer,
                             std::initializer_list<std::string_view> besides) {
  GRANARY_TRY(CheckKnown(message, pointer));
  std::vector<const pb::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  JsonNode out = ObjectNode();
  for (const pb::FieldDescriptor* field : fields) {
    if (std::ranges::find(besides, std::string_view(field->name())) != besides.end()) continue;
    const std::string at = PointerTo(pointer, field->name());
    GRANARY_ASSIGN(JsonNode value, AnyFieldNode(message, *field, at));
    out.members.push_back({field->name(), std::move(value)});
  }
  return out;
}

}  // namespace

Status ParseMessage(std::string_view bytes, pb::Message& out) {
  if (bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()) &&
      out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Status::Ok();
  return {
      Code::kInvalidRequest,
      fmt::format("the message is no {} (malformed, text that is not UTF-8, or nested too deep)",
                  out.GetDescriptor()->full_name())};
}

Result<std::string> BodyOf(const pb::Message& request,
                           std::initializer_list<std::string_view> besides) {
  GRANARY_ASSIGN(const JsonNode node, MessageNode(request, "", besides));
  std::string out;
  AppendJson(node, out);
  return out;
}

}  // namespace granary::api
