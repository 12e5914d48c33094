// DailyWindow: hours of the day in UTC, "22:00-06:00", in which something may be done.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace granary {

class DailyWindow {
 public:
  /// Always.
  DailyWindow() = default;
  /// "HH:MM-HH:MM", the end not in it; over midnight where it is the earlier one. Nothing for what
  /// is not of that form, or where both are equal: that says neither always nor never.
  static std::optional<DailyWindow> Parse(std::string_view text);

  bool is_always() const { return begin_minute_ == end_minute_; }
  bool Contains(std::int64_t wall_us) const;
  /// When the next one begins that `wall_us` is not in; `wall_us` itself when it is in one.
  std::int64_t NextBegin(std::int64_t wall_us) const;

 private:
  int begin_minute_ = 0;
  int end_minute_ = 0;  ///< Equal: always.
};

}  // namespace granary
