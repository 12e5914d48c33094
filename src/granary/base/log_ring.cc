#include "granary/base/log_ring.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "granary/base/log.h"

namespace granary {
namespace {

constexpr std::int64_t kNoPosition = std::numeric_limits<std::int64_t>::max();

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool HasText(std::string_view line, std::string_view text) {
  return text.empty() || !std::ranges::search(line, text, {}, Lower, Lower).empty();
}

}  // namespace

void LogRing::Append(LogLevel level, std::int64_t at_us, std::string line) {
  const std::size_t bytes = line.size();
  auto kept = std::make_shared<const std::string>(std::move(line));
  const std::lock_guard lock(mutex_);
  last_position_ = std::max(at_us, last_position_ + 1);
  if (bytes > bytes_max_) {
    ++gone_;
    return;
  }
  bytes_ += bytes;
  lines_.push_back({level, last_position_, std::move(kept)});
  while (bytes_ > bytes_max_) {
    bytes_ -= lines_.front().json->size();
    lines_.pop_front();
    ++gone_;
  }
}

std::vector<LogRing::Line> LogRing::Between(std::int64_t after, std::int64_t before,
                                            std::int64_t& last_position) const {
  const std::lock_guard lock(mutex_);
  last_position = last_position_;
  const auto first = std::ranges::upper_bound(lines_, after, {}, &Line::position);
  const auto end = std::ranges::lower_bound(lines_, before, {}, &Line::position);
  return first < end ? std::vector<Line>(first, end) : std::vector<Line>();
}

LogPage LogRing::Read(const LogQuery& query) const {
  // As it stands in a line: a quote inside a text is never bare, so nothing else looks like it.
  std::string of_request;
  if (!query.request_id.empty()) {
    of_request = "\"request_id\":";
    AppendLogText(query.request_id, of_request);
  }
  LogPage page;
  const auto take = [&](const Line& line) {
    const bool matches = line.level >= query.level && line.position >= query.since_us &&
                         (of_request.empty() || line.json->find(of_request) != std::string::npos) &&
                         HasText(*line.json, query.text);
    if (!matches) return true;
    page.more = page.lines.size() == query.lines_max;
    if (page.more) return false;
    if (page.lines.empty() || line.position < page.first) page.first = line.position;
    page.next = std::max(page.next, line.position);
    page.lines.push_back(*line.json);
    return true;
  };
  std::int64_t last_position = 0;
  const std::vector<Line> lines =
      Between(query.after.value_or(-1), query.before.value_or(kNoPosition), last_position);
  if (query.after) {
    for (auto line = lines.begin(); line != lines.end() && take(*line); ++line) {
    }
    // What did not match need not be looked at again.
    page.next = page.more ? page.next : std::max(*query.after, last_position);
    return page;
  }
  for (auto line = lines.rbegin(); line != lines.rend() && take(*line); ++line) {
  }
  std::ranges::reverse(page.lines);
  if (!query.before) page.next = last_position;
  return page;
}

LogRing::Counts LogRing::counts() const {
  const std::lock_guard lock(mutex_);
  return {lines_.size(), bytes_, gone_};
}

}  // namespace granary
