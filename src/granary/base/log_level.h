// The levels of log lines and their names.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace granary {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

constexpr std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "error";
}

constexpr std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError})
    if (LevelName(level) == name) return level;
  return std::nullopt;
}

}  // namespace granary
