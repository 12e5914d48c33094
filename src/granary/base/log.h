// Structured log lines: one JSON object a line, or text when a person looks on.
//
// Shape      {"ts":"2024-01-15T00:00:00.000Z","level":"info","msg":"flushed","source":"sales",…};
//            last, where the logger has a name and the line does not say it: "service":"monitoring"
// Kept       the last lines stay in memory for who asks later (log_ring.h), as JSON.
// Secrets    of keys and tokens are hidden (log_secrets.h).
// Threads    fully safe. Lines of one call are never interleaved.
// Owns       its sink. Made once by a service or the CLI and handed down; there is no global.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "granary/base/log_level.h"

namespace granary {

class LogRing;

enum class LogFormat : std::uint8_t { kJson, kText };

/// One member of a line. Made from any integer, floating-point number, bool or text, so that calls
/// stay short: {"rows", n}. Points at the caller's text.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  template <typename T>
  LogField(std::string_view field_key, const T& field_value)
      : key(field_key), value(ToValue(field_value)) {}

  std::string_view key;
  Value value;

 private:
  template <typename T>
  static Value ToValue(const T& v) {
    if constexpr (std::same_as<T, bool>)
      return v;
    else if constexpr (std::signed_integral<T>)
      return std::int64_t{v};
    else if constexpr (std::unsigned_integral<T>)
      return std::uint64_t{v};
    else if constexpr (std::floating_point<T>)
      return double{v};
    else
      return std::string_view(v);
  }
};

class Logger {
 public:
  /// Writes to stderr. `service`, when not empty, is a member of each line: several services of one
  /// process write to the same place. So many bytes of its last lines are kept.
  Logger(LogLevel level, LogFormat format, std::string_view service = {},
         std::size_t kept_bytes = 0);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  /// Drops everything; for tests and tools.
  static Logger& Null();

  /// Another of the same level, format and size, with a name and lines of its own.
  std::unique_ptr<Logger> For(std::string_view service) const;
  const std::string& service() const { return service_; }
  /// What is kept of it; never null.
  const std::shared_ptr<LogRing>& ring() const { return ring_; }

  bool Enabled(LogLevel level) const { return level >= level_; }
  void Write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

  using Fields = std::initializer_list<LogField>;
  void Debug(std::string_view m, Fields f = {}) { Write(LogLevel::kDebug, m, f); }
  void Info(std::string_view m, Fields f = {}) { Write(LogLevel::kInfo, m, f); }
  void Warn(std::string_view m, Fields f = {}) { Write(LogLevel::kWarn, m, f); }
  void Error(std::string_view m, Fields f = {}) { Write(LogLevel::kError, m, f); }

 private:
  struct Sink;
  Logger();  // Null's.
  LogLevel level_;
  std::size_t kept_bytes_ = 0;
  std::string service_;
  std::shared_ptr<LogRing> ring_;
  std::unique_ptr<Sink> sink_;
};

/// Appends a text as a line has it: a JSON string of valid UTF-8, whatever the bytes are.
void AppendLogText(std::string_view text, std::string& out);

}  // namespace granary
