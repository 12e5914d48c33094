#include "granary/json/shred_choice.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace granary::json {
namespace {

std::vector<Lane> LanesOf(const PathCounts& counts) {
  std::vector<Lane> lanes;
  for (int i = 0; i < kLanes; ++i) {
    if (counts.lanes[static_cast<std::size_t>(i)] > 0) lanes.push_back(static_cast<Lane>(i));
  }
  std::stable_sort(lanes.begin(), lanes.end(), [&](Lane a, Lane b) {
    return counts.lanes[static_cast<std::size_t>(a)] > counts.lanes[static_cast<std::size_t>(b)];
  });
  return lanes;
}

/// Not every reader takes control characters in the names of columns.
bool CanNameAColumn(const std::vector<std::string>& path, const ShredLimits& limits) {
  const std::string name = DottedName(path);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  return name.size() <= limits.path_bytes_max && std::ranges::none_of(name, is_control);
}

}  // namespace

ShredChoice ChoosePaths(std::span<const CountedPath> counted, std::uint64_t documents,
                        const ShredLimits& limits) {
  std::vector<std::size_t> worth;
  for (std::size_t i = 0; i < counted.size(); ++i) {
    const std::uint64_t scalars = counted[i].counts.scalars();
    if (scalars == 0 || scalars < documents / limits.documents_each) continue;
    if (!CanNameAColumn(counted[i].path, limits)) continue;
    worth.push_back(i);
  }
  const std::size_t kept = std::min(worth.size(), limits.paths_max);
  std::stable_sort(worth.begin(), worth.end(), [&](std::size_t a, std::size_t b) {
    return counted[a].counts.scalars() > counted[b].counts.scalars();
  });
  ShredChoice choice;
  choice.reason = fmt::format(
      "{} of {} paths: {} have a scalar in one of {} documents or more, at most {} are kept", kept,
      counted.size(), worth.size(), limits.documents_each, limits.paths_max);
  worth.resize(kept);
  std::sort(worth.begin(), worth.end());
  for (const std::size_t i : worth) {
    const CountedPath& path = counted[i];
    choice.paths.push_back({path.path, LanesOf(path.counts), path.mostly_distinct});
  }
  return choice;
}

std::string DottedName(std::span<const std::string> path) {
  std::string name;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0) name.push_back('.');
    for (const char c : path[i]) {
      if (c == '.' || c == '\\') name.push_back('\\');
      name.push_back(c);
    }
  }
  return name;
}

}  // namespace granary::json
