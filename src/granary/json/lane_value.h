// LaneValue: a value of a document that a typed column can hold, and the text it stands for.
//
// Promise    what ReadLaneValue gives, AppendLaneValue writes back as the very text that it was
//            read from: 1.00, 1e3, -0 and what int64 cannot hold are left to those who keep texts.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace granary::json {

/// The columns that one path's values may be spread over.
enum class Lane : std::uint8_t { kString, kInt64, kDouble, kBool };
inline constexpr int kLanes = 4;
/// "string", "int64", "double", "bool".
std::string_view LaneName(Lane lane);
std::optional<Lane> ParseLane(std::string_view name);

struct LaneValue {
  Lane lane = Lane::kString;
  std::string_view text;  ///< A string's bytes.
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
};

/// `value` is minified JSON. `scratch` is where an escaped string's bytes go.
std::optional<LaneValue> ReadLaneValue(std::string_view value, std::string& scratch);

void AppendLaneValue(const LaneValue& value, std::string& out);

/// A key or string of minified JSON, without its quotes, as what it means. Nothing when it is none.
std::optional<std::string> Unescaped(std::string_view text);

}  // namespace granary::json
