#include "granary/base/daily_window.h"

namespace granary {
namespace {

constexpr int kMinutesADay = 24 * 60;
constexpr std::int64_t kMicrosAMinute = 60'000'000;
constexpr std::int64_t kMicrosADay = kMinutesADay * kMicrosAMinute;

std::optional<int> TwoDigits(std::string_view text, int max) {
  int value = 0;
  if (text.size() != 2) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value <= max ? std::optional(value) : std::nullopt;
}

std::optional<int> MinuteOf(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = TwoDigits(text.substr(0, 2), 23), minute = TwoDigits(text.substr(3), 59);
  if (!hour || !minute) return std::nullopt;
  return *hour * 60 + *minute;
}

// Also before 1970.
std::int64_t TimeOfDay(std::int64_t wall_us) {
  const std::int64_t rest = wall_us % kMicrosADay;
  return rest < 0 ? rest + kMicrosADay : rest;
}

}  // namespace

std::optional<DailyWindow> DailyWindow::Parse(std::string_view text) {
  if (text.size() != 11 || text[5] != '-') return std::nullopt;
  const auto begin = MinuteOf(text.substr(0, 5)), end = MinuteOf(text.substr(6));
  if (!begin || !end || *begin == *end) return std::nullopt;
  DailyWindow window;
  window.begin_minute_ = *begin;
  window.end_minute_ = *end;
  return window;
}

bool DailyWindow::Contains(std::int64_t wall_us) const {
  if (is_always()) return true;
  const std::int64_t now = TimeOfDay(wall_us);
  const std::int64_t begin = begin_minute_ * kMicrosAMinute, end = end_minute_ * kMicrosAMinute;
  if (begin < end) return now >= begin && now < end;
  return now >= begin || now < end;
}

std::int64_t DailyWindow::NextBegin(std::int64_t wall_us) const {
  if (Contains(wall_us)) return wall_us;
  const std::int64_t until = begin_minute_ * kMicrosAMinute - TimeOfDay(wall_us);
  return wall_us + (until < 0 ? until + kMicrosADay : until);
}

}  // namespace granary
