#include "granary/api/json_node.h"

#include <string_view>
#include <unordered_set>

#include <fmt/format.h>
#include <simdjson.h>

#include "granary/base/byte_order_mark.h"
#include "granary/base/utf8.h"
#include "granary/json/batch_writer.h"
#include "granary/types/number_text.h"

namespace granary::api {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t kFewMembers = 8;

std::size_t SkipDigits(std::string_view& token) {
  std::size_t n = 0;
  while (n < token.size() && token[n] >= '0' && token[n] <= '9') ++n;
  token.remove_prefix(n);
  return n;
}

// RFC 8259 §6.
bool IsNumber(std::string_view token) {
  if (token.starts_with('-')) token.remove_prefix(1);
  const bool zero = token.starts_with('0');
  const std::size_t whole = SkipDigits(token);
  if (whole == 0 || (zero && whole > 1)) return false;
  if (token.starts_with('.')) {
    token.remove_prefix(1);
    if (SkipDigits(token) == 0) return false;
  }
  if (token.starts_with('e') || token.starts_with('E')) {
    token.remove_prefix(1);
    if (token.starts_with('+') || token.starts_with('-')) token.remove_prefix(1);
    if (SkipDigits(token) == 0) return false;
  }
  return token.empty();
}

std::string_view Trimmed(std::string_view token) {
  return token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
}

Status NotJson(std::string_view why) {
  return {Code::kInvalidJson, fmt::format("the body is not JSON: {}", why)};
}
Status NotJson(simdjson::error_code error) { return NotJson(simdjson::error_message(error)); }

#define GRANARY_JSON_TRY(expr)                                                         \
  if (const simdjson::error_code json_error = (expr); json_error != simdjson::SUCCESS) \
  return NotJson(json_error)

class TreeBuilder {
 public:
  explicit TreeBuilder(std::size_t depth_max) : depth_max_(depth_max) {}

  Status Object(ondemand::object object, const std::string& pointer, std::size_t depth,
                JsonNode& out) {
    if (depth > depth_max_) return TooDeep();
    out.kind = JsonNode::Kind::kObject;
    for (auto field : object) {
      GRANARY_JSON_TRY(field.error());
      std::string_view name;
      GRANARY_JSON_TRY(field.unescaped_key().get(name));
      ondemand::value value;
      GRANARY_JSON_TRY(field.value().get(value));
      JsonMember& member = out.members.emplace_back(JsonMember{std::string(name), {}});
      GRANARY_TRY(Value(value, pointer, std::string_view(member.name), depth, member.value));
    }
    return CheckDistinct(out, pointer);
  }

 private:
  Status Array(ondemand::array array, const std::string& pointer, std::size_t depth,
               JsonNode& out) {
    if (depth > depth_max_) return TooDeep();
    out.kind = JsonNode::Kind::kArray;
    for (auto element : array) {
      ondemand::value value;
      GRANARY_JSON_TRY(element.get(value));
      JsonNode& item = out.items.emplace_back();
      GRANARY_TRY(Value(value, pointer, out.items.size() - 1, depth, item));
    }
    return Status::Ok();
  }

  /// `step` is the name or index that leads from `parent` here.
  template <typename Step>
  Status Value(ondemand::value value, const std::string& parent, Step step, std::size_t depth,
               JsonNode& out) {
    if (++nodes_ > kNodesMax)
      return {Code::kTooLarge, fmt::format("the body has more than {} values", kNodesMax)};
    ondemand::json_type type;
    GRANARY_JSON_TRY(value.type().get(type));
    switch (type) {
      case ondemand::json_type::object: {
        ondemand::object object;
        GRANARY_JSON_TRY(value.get_object().get(object));
        return Object(object, PointerTo(parent, step), depth + 1, out);
      }
      case ondemand::json_type::array: {
        ondemand::array array;
        GRANARY_JSON_TRY(value.get_array().get(array));
        return Array(array, PointerTo(parent, step), depth + 1, out);
      }
      case ondemand::json_type::string: {
        std::string_view text;
        GRANARY_JSON_TRY(value.get_string().get(text));
        out.kind = JsonNode::Kind::kString;
        out.text = text;
        return Status::Ok();
      }
      default: return Scalar(Trimmed(value.raw_json_token()), out);
    }
  }

  static Status Scalar(std::string_view token, JsonNode& out) {
    if (token == "null") return Status::Ok();
    if (token == "true" || token == "false") {
      out.kind = JsonNode::Kind::kBool;
      out.boolean = token == "true";
      return Status::Ok();
    }
    if (!IsNumber(token)) return NotJson(fmt::format("'{}' is no value", Quotable(token)));
    out.kind = JsonNode::Kind::kNumber;
    out.text = token;
    return Status::Ok();
  }

  static Status CheckDistinct(const JsonNode& object, const std::string& pointer) {
    const auto& members = object.members;
    std::unordered_set<std::string_view> names;
    if (members.size() > kFewMembers) names.reserve(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
      bool twice = false;
      if (members.size() > kFewMembers)
        twice = !names.insert(members[i].name).second;
      else
        for (std::size_t j = 0; j < i; ++j) twice = twice || members[i].name == members[j].name;
      if (twice) {
        return Status::Invalid(Code::kInvalidRequest, PointerTo(pointer, members[i].name),
                               "this member is given twice");
      }
    }
    return Status::Ok();
  }

  Status TooDeep() const {
    return {Code::kInvalidJson, fmt::format("the body is nested more than {} deep", depth_max_)};
  }

  std::size_t depth_max_;
  std::size_t nodes_ = 0;
};

// simdjson looks at the first byte only; what no JSON value begins with is not JSON at all.
Status NotAnObject(std::string_view text) {
  const char first = text[text.find_first_not_of(" \t\r\n")];
  if (std::string_view("[\"-0123456789tfn").find(first) == std::string_view::npos) {
    const bool printable = first > ' ' && first <= '~';
    return NotJson(printable ? fmt::format("no value begins with '{}'", first)
                             : fmt::format("no value begins with the byte 0x{:02x}",
                                           static_cast<unsigned char>(first)));
  }
  return {Code::kInvalidRequest, "the body is not a JSON object"};
}

}  // namespace

Result<JsonNode> ParseJsonObject(std::string_view text, std::size_t depth_max) {
  text = WithoutByteOrderMark(text);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return Status(Code::kInvalidJson, "the body is empty, expected a JSON object");
  }
  const simdjson::padded_string padded(text);
  ondemand::parser parser;
  ondemand::document document;
  GRANARY_JSON_TRY(parser.iterate(padded).get(document));
  ondemand::object object;
  const simdjson::error_code error = document.get_object().get(object);
  if (error == simdjson::INCORRECT_TYPE) return NotAnObject(text);
  if (error != simdjson::SUCCESS) return NotJson(error);
  JsonNode root;
  GRANARY_TRY(TreeBuilder(depth_max).Object(object, "", 1, root));
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return NotJson("something follows the object");
  return root;
}

std::string_view KindName(JsonNode::Kind kind) {
  switch (kind) {
    case JsonNode::Kind::kNull: return "null";
    case JsonNode::Kind::kBool: return "a boolean";
    case JsonNode::Kind::kNumber: return "a number";
    case JsonNode::Kind::kString: return "a string";
    case JsonNode::Kind::kArray: return "an array";
    case JsonNode::Kind::kObject: return "an object";
  }
  return "a value";
}

void AppendJson(const JsonNode& node, std::string& out) {
  const auto separate = [&out](std::size_t i) {
    if (i > 0) out.push_back(',');
  };
  switch (node.kind) {
    case JsonNode::Kind::kNull: out.append("null"); return;
    case JsonNode::Kind::kBool: out.append(node.boolean ? "true" : "false"); return;
    case JsonNode::Kind::kNumber: out.append(node.text); return;
    case JsonNode::Kind::kString: json::AppendString(node.text, out); return;
    case JsonNode::Kind::kArray:
      out.push_back('[');
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        separate(i);
        AppendJson(node.items[i], out);
      }
      out.push_back(']');
      return;
    case JsonNode::Kind::kObject:
      out.push_back('{');
      for (std::size_t i = 0; i < node.members.size(); ++i) {
        separate(i);
        json::AppendString(node.members[i].name, out);
        out.push_back(':');
        AppendJson(node.members[i].value, out);
      }
      out.push_back('}');
      return;
  }
}

std::string PointerTo(std::string_view parent, std::string_view name) {
  std::string out;
  out.reserve(parent.size() + 1 + name.size());
  out.append(parent).push_back('/');
  if (name.find_first_of("~/") == name.npos) {
    out.append(name);
    return out;
  }
  for (const char c : name) {
    if (c == '~')
      out.append("~0");
    else if (c == '/')
      out.append("~1");
    else
      out.push_back(c);
  }
  return out;
}

std::string PointerTo(std::string_view parent, std::size_t index) {
  std::string out(parent);
  out.push_back('/');
  AppendInteger(static_cast<std::uint64_t>(index), out);
  return out;
}

}  // namespace granary::api
