#include "granary/json/shred_layout.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "granary/json/batch_writer.h"

namespace granary::json {
namespace {

namespace dom = simdjson::dom;

/// The counts that are no lanes, with their names in the text.
constexpr std::pair<std::string_view, std::uint64_t PathCounts::*> kOthers[] = {
    {"number", &PathCounts::numbers},
    {"text", &PathCounts::strings},
    {"object", &PathCounts::objects},
    {"array", &PathCounts::arrays},
    {"null", &PathCounts::nulls}};

void AppendPath(const std::vector<std::string>& path, std::string& out) {
  out.append("{\"path\":[");
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendString(path[i], out);
  }
  out.push_back(']');
}

void AppendCount(std::string_view name, std::uint64_t count, std::string& out) {
  if (count > 0) fmt::format_to(std::back_inserter(out), ",\"{}\":{}", name, count);
}

void AppendCounted(const CountedPath& counted, std::string& out) {
  AppendPath(counted.path, out);
  for (int i = 0; i < kLanes; ++i) {
    AppendCount(LaneName(static_cast<Lane>(i)), counted.counts.lanes[static_cast<std::size_t>(i)],
                out);
  }
  for (const auto& [name, member] : kOthers) AppendCount(name, counted.counts.*member, out);
  out.push_back('}');
}

void AppendShredded(const ShreddedPath& shredded, std::string& out) {
  AppendPath(shredded.path, out);
  AppendCount("left", shredded.left, out);
  out.append(",\"lanes\":[");
  for (std::size_t i = 0; i < shredded.lanes.size(); ++i) {
    if (i > 0) out.push_back(',');
    fmt::format_to(std::back_inserter(out), "{{\"type\":\"{}\",\"field_id\":{}}}",
                   LaneName(shredded.lanes[i].lane), shredded.lanes[i].field_id);
  }
  out.append("]}");
}

template <typename Items, typename Append>
void AppendList(std::string_view name, const Items& items, const Append& append, std::string& out) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":[", name);
  for (bool first = true; const auto& item : items) {
    if (!std::exchange(first, false)) out.push_back(',');
    append(item, out);
  }
  out.push_back(']');
}

Status Malformed() { return Status::Corruption("the description of shredded paths is damaged"); }

std::uint64_t CountIn(const dom::element& element, std::string_view name) {
  std::uint64_t count = 0;
  return element[name].get(count) == simdjson::SUCCESS ? count : 0;
}

bool ReadFieldId(const dom::element& element, std::string_view name, std::int32_t& id) {
  std::int64_t read = 0;
  if (element[name].get(read) != simdjson::SUCCESS || read < 0 || read > INT32_MAX) return false;
  id = static_cast<std::int32_t>(read);
  return true;
}

bool ReadPath(const dom::element& element, std::vector<std::string>& path) {
  dom::array keys;
  if (element["path"].get(keys) != simdjson::SUCCESS) return false;
  for (const dom::element key : keys) {
    std::string_view text;
    if (key.get(text) != simdjson::SUCCESS) return false;
    path.emplace_back(text);
  }
  return !path.empty();
}

bool ReadShredded(const dom::element& element, ShreddedPath& shredded) {
  dom::array lanes;
  if (!ReadPath(element, shredded.path) || element["lanes"].get(lanes) != simdjson::SUCCESS)
    return false;
  shredded.left = CountIn(element, "left");
  for (const dom::element lane : lanes) {
    std::string_view name;
    ShreddedLane& read = shredded.lanes.emplace_back();
    if (lane["type"].get(name) != simdjson::SUCCESS ||
        !ReadFieldId(lane, "field_id", read.field_id))
      return false;
    const auto known = ParseLane(name);
    if (!known) return false;
    read.lane = *known;
  }
  return true;
}

bool ReadLayout(const dom::element& element, ShredLayout& layout) {
  dom::array paths, counted;
  bool complete = false;
  if (!ReadFieldId(element, "column", layout.column) ||
      element["paths"].get(paths) != simdjson::SUCCESS ||
      element["counted"].get(counted) != simdjson::SUCCESS ||
      element["complete"].get(complete) != simdjson::SUCCESS)
    return false;
  layout.complete = complete;
  layout.documents = CountIn(element, "documents");
  layout.others = CountIn(element, "others");
  for (const dom::element path : paths) {
    if (!ReadShredded(path, layout.paths.emplace_back())) return false;
  }
  for (const dom::element path : counted) {
    CountedPath& read = layout.counted.emplace_back();
    if (!ReadPath(path, read.path)) return false;
    for (int i = 0; i < kLanes; ++i)
      read.counts.lanes[static_cast<std::size_t>(i)] =
          CountIn(path, LaneName(static_cast<Lane>(i)));
    for (const auto& [name, member] : kOthers) read.counts.*member = CountIn(path, name);
  }
  return true;
}

bool IsSame(std::span<const std::string> a, std::span<const std::string> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

bool IsUnder(std::span<const std::string> path, std::span<const std::string> prefix) {
  return path.size() >= prefix.size() && IsSame(path.first(prefix.size()), prefix);
}

const ShreddedPath* ShredLayout::Find(std::span<const std::string> path) const {
  const auto found = std::find_if(paths.begin(), paths.end(), [&](const ShreddedPath& shredded) {
    return IsSame(shredded.path, path);
  });
  return found == paths.end() ? nullptr : &*found;
}

bool ShredLayout::IsAbsent(std::span<const std::string> path) const {
  if (!complete || others > 0 || path.empty()) return false;
  for (const CountedPath& known : counted) {
    const bool is_at = IsSame(known.path, path);
    const PathCounts& counts = known.counts;
    if (is_at && counts.scalars() + counts.numbers + counts.strings + counts.objects > 0)
      return false;
    if (counts.arrays > 0 && IsUnder(path, known.path)) return false;
  }
  return true;
}

std::string ShredLayout::Encode(std::span<const ShredLayout> layouts) {
  std::string out = "[";
  for (const ShredLayout& layout : layouts) {
    if (out.size() > 1) out.push_back(',');
    fmt::format_to(std::back_inserter(out), "{{\"column\":{},\"documents\":{},\"complete\":{}",
                   layout.column, layout.documents, layout.complete);
    AppendCount("others", layout.others, out);
    AppendList("paths", layout.paths, AppendShredded, out);
    AppendList("counted", layout.counted, AppendCounted, out);
    out.push_back('}');
  }
  out.push_back(']');
  return out;
}

Result<std::vector<ShredLayout>> ShredLayout::Decode(std::string_view text) {
  dom::parser parser;
  dom::array items;
  if (parser.parse(text.data(), text.size()).get(items) != simdjson::SUCCESS) return Malformed();
  std::vector<ShredLayout> layouts;
  for (const dom::element item : items) {
    if (!ReadLayout(item, layouts.emplace_back())) return Malformed();
  }
  return layouts;
}

}  // namespace granary::json
