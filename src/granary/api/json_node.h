// JsonNode: the JSON of a request as a small tree. Numbers stay text, so that nothing is rounded.
//
// Not for    records: a write's records are located (record_locator.h) and parsed straight into
//            columns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::api {

struct JsonMember;

struct JsonNode {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;                 ///< A number's token; a string's value.
  std::vector<JsonNode> items;      ///< Of an array.
  std::vector<JsonMember> members;  ///< Of an object, in order; names are distinct.
};

struct JsonMember {
  std::string name;
  JsonNode value;
};

/// More values than this in one request are refused with kTooLarge.
inline constexpr std::size_t kNodesMax = 500'000;

/// Parses a whole JSON object, a byte order mark in front of it being passed over. kInvalidJson for
/// anything else than JSON in UTF-8 nested at most `depth_max` deep, kInvalidRequest when it is
/// JSON but no object, or has a member twice (with its pointer).
Result<JsonNode> ParseJsonObject(std::string_view text, std::size_t depth_max);

/// "an object", "a number", …: for messages.
std::string_view KindName(JsonNode::Kind kind);

/// The node as compact JSON text.
void AppendJson(const JsonNode& node, std::string& out);

/// "/filters" and "a/b" -> "/filters/a~1b" (RFC 6901).
std::string PointerTo(std::string_view parent, std::string_view name);
std::string PointerTo(std::string_view parent, std::size_t index);

}  // namespace granary::api
