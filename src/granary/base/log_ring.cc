#include "granary/base/log_ring.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "granary/base/log.h"

namespace granary {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool HasText(std::string_view line, std::string_view text) {
  return text.empty() || !std::ranges::search(line, text, {}, Lower, Lower).empty();
}

}  // namespace

void LogRing::Append(LogLevel level, std::int64_t at_us, std::string line) {
  const std::lock_guard lock(mutex_);
  last_position_ = std::max(at_us, last_position_ + 1);
  if (line.size() > bytes_max_) {
    ++gone_;
    return;
  }
  bytes_ += line.size();
  lines_.push_back({level, last_position_, std::move(line)});
  while (bytes_ > bytes_max_) {
    bytes_ -= lines_.front().json.size();
    lines_.pop_front();
    ++gone_;
  }
}

LogPage LogRing::Read(const LogQuery& query) const {
  // As it stands in a line: a quote inside a text is never bare, so nothing else looks like it.
  std::string of_request;
  if (!query.request_id.empty()) {
    of_request = "\"request_id\":";
    AppendLogText(query.request_id, of_request);
  }
  const auto matches = [&](const Line& line) {
    return line.level >= query.level && line.position >= query.since_us &&
           (of_request.empty() || line.json.find(of_request) != std::string::npos) &&
           HasText(line.json, query.text);
  };
  LogPage page;
  const auto take = [&](const Line& line) {
    if (!matches(line)) return true;
    page.more = page.lines.size() == query.lines_max;
    if (page.more) return false;
    if (page.lines.empty() || line.position < page.first) page.first = line.position;
    page.next = std::max(page.next, line.position);
    page.lines.push_back(line.json);
    return true;
  };
  const std::lock_guard lock(mutex_);
  const auto at = [this](std::int64_t position) {
    return std::ranges::lower_bound(lines_, position, {}, &Line::position);
  };
  if (query.after) {
    for (auto line = at(*query.after + 1); line != lines_.end() && take(*line); ++line) {
    }
    // What did not match need not be looked at again.
    page.next = page.more ? page.next : std::max(*query.after, last_position_);
    return page;
  }
  const auto end = query.before ? at(*query.before) : lines_.end();
  for (auto line = std::make_reverse_iterator(end); line != lines_.rend() && take(*line); ++line) {
  }
  std::ranges::reverse(page.lines);
  if (!query.before) page.next = last_position_;
  return page;
}

LogRing::Counts LogRing::counts() const {
  const std::lock_guard lock(mutex_);
  return {lines_.size(), bytes_, gone_};
}

}  // namespace granary
