#include "granary/base/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <utility>

#include "granary/base/append_format.h"
#include "granary/base/log_ring.h"
#include "granary/base/log_secrets.h"
#include "granary/base/utf8.h"

namespace granary {
namespace {

constexpr auto kNothing = static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1);
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD, for bytes that are not UTF-8.

void AppendEscaped(std::string& out, std::string_view valid_utf8) {
  for (const char c : valid_utf8) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out.push_back(c);
        }
    }
  }
}

struct AppendJsonValue {
  std::string& out;
  void operator()(std::string_view text) const { AppendLogText(text, out); }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const { AppendFormat(out, "{}", value); }
  void operator()(std::uint64_t value) const { AppendFormat(out, "{}", value); }
  void operator()(double value) const {
    if (!std::isfinite(value)) {
      out += "null";  // JSON has no NaN.
    } else {
      AppendFormat(out, "{}", value);
    }
  }
};

// A line of our own says the instant, so that what is written and what is kept are one text.
struct LineHead {
  std::chrono::system_clock::time_point at;
  LogLevel level;
  std::string_view service;
};

// "2024-01-15T00:00:00.000" with `between` in the place of the T.
void AppendTime(std::chrono::system_clock::time_point at, char between, std::string& out) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  const auto since = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch());
  AppendFormat(out, "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
               utc.tm_mon + 1, utc.tm_mday, between, utc.tm_hour, utc.tm_min, utc.tm_sec,
               since.count() % 1000);
}

bool SaysItsService(std::initializer_list<LogField> fields) {
  return std::ranges::any_of(fields, [](const LogField& field) { return field.key == "service"; });
}

std::string JsonLine(const LineHead& head, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line = "{\"ts\":\"";
  AppendTime(head.at, 'T', line);
  line.append("\",\"level\":\"").append(LevelName(head.level)).append("\",\"msg\":");
  AppendLogText(message, line);
  for (const LogField& field : fields) {
    line.push_back(',');
    AppendLogText(field.key, line);
    line.push_back(':');
    std::visit(AppendJsonValue{line}, field.value);
  }
  if (!head.service.empty() && !SaysItsService(fields)) {
    line += ",\"service\":";
    AppendLogText(head.service, line);
  }
  line.push_back('}');
  return line;
}

// Text that could not be mistaken for the next field stands without quotes.
bool IsPlain(std::string_view text) {
  if (text.empty() || !IsValidUtf8(text)) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F) {
      return false;
    }
  }
  return true;
}

std::string TextLine(const LineHead& head, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line;
  AppendTime(head.at, ' ', line);
  AppendFormat(line, " {:<5} ", LevelName(head.level));
  if (!head.service.empty() && !SaysItsService(fields)) line.append(head.service).append(": ");
  std::string quoted;
  AppendLogText(message, quoted);
  line.append(quoted, 1, quoted.size() - 2);
  for (const LogField& field : fields) {
    line.append(" ").append(field.key).append("=");
    const auto* text = std::get_if<std::string_view>(&field.value);
    if (text != nullptr && IsPlain(*text)) {
      line.append(*text);
    } else {
      std::visit(AppendJsonValue{line}, field.value);
    }
  }
  return line;
}

}  // namespace

struct Logger::Sink {
  explicit Sink(LogFormat wanted)
      : format(wanted), logger("granary", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    logger.set_level(spdlog::level::trace);
  }

  LogFormat format;
  spdlog::logger logger;
};

Logger::Logger(LogLevel level, LogFormat format, std::string_view service, std::size_t kept_bytes)
    : level_(level),
      kept_bytes_(kept_bytes),
      service_(service),
      ring_(std::make_shared<LogRing>(kept_bytes)),
      sink_(std::make_unique<Sink>(format)) {}

Logger::Logger() : level_(kNothing), ring_(std::make_shared<LogRing>(0)) {}

Logger::~Logger() = default;

Logger& Logger::Null() {
  static Logger null;
  return null;
}

std::unique_ptr<Logger> Logger::For(std::string_view service) const {
  const LogFormat format = sink_ == nullptr ? LogFormat::kJson : sink_->format;
  return std::make_unique<Logger>(level_, format, service, kept_bytes_);
}

void Logger::Write(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) {
  if (!Enabled(level) || sink_ == nullptr) return;
  const LineHead head{std::chrono::system_clock::now(), level, service_};
  std::string json = WithoutSecrets(JsonLine(head, message, fields));
  const std::string line =
      sink_->format == LogFormat::kJson ? json : WithoutSecrets(TextLine(head, message, fields));
  // One level for spdlog's eyes: ours is in the line already.
  sink_->logger.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  const auto since =
      std::chrono::duration_cast<std::chrono::microseconds>(head.at.time_since_epoch());
  ring_->Append(level, since.count(), std::move(json));
}

// Log text comes from anywhere: whatever its bytes are, the line stays one line of valid JSON.
void AppendLogText(std::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    const std::size_t valid = ValidUtf8PrefixBytes(text);
    AppendEscaped(out, text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) break;
    out += kReplacement;
    text.remove_prefix(1);
  }
  out.push_back('"');
}

}  // namespace granary
