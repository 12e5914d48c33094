#include "granary/services/metadata_catalog/compaction_schedule.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/base/daily_window.h"

namespace granary::catalog {
namespace {

constexpr double kMicrosPerMinute = 60e6;
constexpr double kDefaultMinutes = 60;  // Of COMPACTION_INTERVAL_MINUTES.

double MinutesSince(const ScheduledSource& source, std::int64_t now_us) {
  return static_cast<double>(now_us - source.last_us) / kMicrosPerMinute;
}

double IntervalOf(const ScheduledSource& source) {
  return source.policy.interval_minutes.value_or(kDefaultMinutes);
}

bool IsInWindow(const ScheduledSource& source, std::int64_t now_us) {
  const auto window = DailyWindow::Parse(source.policy.window.value_or(""));
  return !window || window->Contains(now_us);
}

// What was told before the last compaction ended is about files that are gone.
bool IsDue(const ScheduledSource& source, std::int64_t now_us) {
  return source.node_is_heard && !source.is_open && source.merges > 0 &&
         source.told_us >= source.last_us && source.policy.enabled.value_or(true) &&
         MinutesSince(source, now_us) >= IntervalOf(source) && IsInWindow(source, now_us);
}

}  // namespace

std::vector<DueCompaction> PickDueCompactions(std::span<const ScheduledSource> sources,
                                              std::int64_t now_us, std::size_t room) {
  std::vector<const ScheduledSource*> due;
  due.reserve(sources.size());
  for (const ScheduledSource& source : sources)
    if (IsDue(source, now_us)) due.push_back(&source);
  std::ranges::stable_sort(due, std::ranges::greater(), [now_us](const ScheduledSource* source) {
    return MinutesSince(*source, now_us) / IntervalOf(*source);
  });
  due.resize(std::min(due.size(), room));
  std::vector<DueCompaction> out;
  out.reserve(due.size());
  for (const ScheduledSource* source : due) {
    out.push_back({source->tenant, source->source,
                   fmt::format("{} merges pay, and its interval of {:.6g} minutes is over",
                               source->merges, IntervalOf(*source))});
  }
  return out;
}

}  // namespace granary::catalog
