#include "granary/json/lane_value.h"

#include <array>

#include "granary/json/batch_writer.h"
#include "granary/json/document_reader.h"
#include "granary/types/number_text.h"

namespace granary::json {
namespace {

constexpr std::array<std::string_view, kLanes> kNames{"string", "int64", "double", "bool"};

std::optional<LaneValue> ReadString(std::string_view value, std::string& scratch) {
  LaneValue read;
  read.text = value.substr(1, value.size() - 2);
  if (read.text.find('\\') == read.text.npos) return read;
  const auto bytes = Unescaped(read.text);
  if (!bytes) return std::nullopt;
  std::string again;
  AppendString(*bytes, again);
  if (again != value) return std::nullopt;
  scratch = *bytes;
  read.text = scratch;
  return read;
}

std::optional<LaneValue> ReadInteger(std::string_view value) {
  const auto whole = ReadPlainWhole(value);
  if (!whole) return std::nullopt;
  // -0 reads as 0.
  if (whole->negative && whole->magnitude == 0) return std::nullopt;
  constexpr auto kMost = static_cast<std::uint64_t>(INT64_MAX);
  if (whole->magnitude > kMost) return std::nullopt;
  LaneValue read;
  read.lane = Lane::kInt64;
  const auto magnitude = static_cast<std::int64_t>(whole->magnitude);
  read.integer = whole->negative ? -magnitude : magnitude;
  return read;
}

std::optional<LaneValue> ReadDouble(std::string_view value) {
  if (!IsJsonNumber(value)) return std::nullopt;
  LaneValue read;
  read.lane = Lane::kDouble;
  read.number = ReadPlainDouble(value).value_or(0);
  if (read.number == 0) read.number = NearestDouble(value);
  std::string again;
  AppendDoubleText(read.number, again);
  if (again != value) return std::nullopt;
  return read;
}

}  // namespace

std::string_view LaneName(Lane lane) { return kNames[static_cast<std::size_t>(lane)]; }

std::optional<Lane> ParseLane(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Lane>(i);
  }
  return std::nullopt;
}

std::optional<LaneValue> ReadLaneValue(std::string_view value, std::string& scratch) {
  if (value.empty()) return std::nullopt;
  if (value[0] == '"') {
    return value.size() < 2 ? std::nullopt : ReadString(value, scratch);
  }
  if (value == "true" || value == "false") {
    LaneValue read;
    read.lane = Lane::kBool;
    read.boolean = value.size() == 4;
    return read;
  }
  if (auto integer = ReadInteger(value)) return integer;
  return ReadDouble(value);
}

void AppendLaneValue(const LaneValue& value, std::string& out) {
  switch (value.lane) {
    case Lane::kString: return AppendString(value.text, out);
    case Lane::kInt64: return AppendInteger(value.integer, out);
    case Lane::kDouble: return AppendDoubleText(value.number, out);
    case Lane::kBool: out.append(value.boolean ? "true" : "false"); return;
  }
}

std::optional<std::string> Unescaped(std::string_view text) {
  if (text.find('\\') == text.npos) return std::string(text);
  std::string quoted = "\"";
  quoted.append(text).push_back('"');
  DocumentReader reader;
  CellContext context;
  Cell cell;
  if (reader.Read(quoted, context, cell) != Taken::kYes || !cell.IsString()) return std::nullopt;
  return std::string(cell.text);
}

}  // namespace granary::json
