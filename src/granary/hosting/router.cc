#include "granary/hosting/router.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace granary::hosting {
namespace {

// "/a/b" -> {"a", "b"}.
std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> out;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    out.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return out;
}

bool IsParameter(const std::string& segment) { return segment.starts_with('{'); }

bool Matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(),
                    [](const auto& expected, const auto& found) {
                      return IsParameter(expected) ? !found.empty() : expected == found;
                    });
}

bool IsMoreLiteral(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::count_if(a, IsParameter) < std::ranges::count_if(b, IsParameter);
}

}  // namespace

void Router::Add(Route route) {
  std::vector<std::string> segments = Segments(route.pattern);
  if (std::ranges::none_of(segments, IsParameter))
    literal_[route.pattern].push_back(entries_.size());
  entries_.push_back({std::move(route), std::move(segments)});
}

std::string_view WithoutVersion(std::string_view path) {
  if (path.starts_with("/v1/")) path.remove_prefix(3);
  return path;
}

void Router::MoveLane(net::HandlerLane from, net::HandlerLane to) {
  for (Entry& entry : entries_)
    if (entry.route.lane == from) entry.route.lane = to;
}

const Router::Entry* Router::FindLiteral(std::string_view method, std::string_view path) const {
  const auto found = literal_.find(WithoutVersion(path));
  if (found == literal_.end()) return nullptr;
  const auto entry = std::ranges::find_if(
      found->second, [&](std::size_t place) { return entries_[place].route.method == method; });
  return entry == found->second.end() ? nullptr : &entries_[*entry];
}

Result<Router::Found> Router::Find(std::string_view method, std::string_view path,
                                   std::string& allow) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  if (const Entry* literal = FindLiteral(wanted, path)) return Found{&literal->route, {}};
  std::vector<std::string> segments = Segments(path);
  if (!segments.empty() && segments.front() == "v1") segments.erase(segments.begin());
  const Entry* best = nullptr;
  std::set<std::string_view> methods;
  for (const Entry& entry : entries_) {
    if (!Matches(entry.segments, segments)) continue;
    methods.insert(entry.route.method);
    if (entry.route.method == "GET") methods.insert("HEAD");
    if (entry.route.method == wanted &&
        (best == nullptr || IsMoreLiteral(entry.segments, best->segments)))
      best = &entry;
  }
  if (methods.empty())
    return Status(Code::kNotFound, fmt::format("there is no {}", path.substr(0, 256)));
  if (best == nullptr) {
    allow = fmt::format("{}", fmt::join(methods, ", "));
    return Status(Code::kMethodNotAllowed,
                  fmt::format("{} does not take {}; it takes {}", path.substr(0, 256),
                              method.substr(0, 32), allow));
  }
  Found found{&best->route, {}};
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (IsParameter(best->segments[i])) found.parameters.push_back(std::move(segments[i]));
  }
  return found;
}

}  // namespace granary::hosting
