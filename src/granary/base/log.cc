#include "granary/base/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cmath>

#include "granary/base/append_format.h"
#include "granary/base/utf8.h"

namespace granary {
namespace {

constexpr auto kNothing = static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1);
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD, for bytes that are not UTF-8.

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "error";
}

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

// Log text comes from anywhere: whatever its bytes are, the line stays one line of valid JSON.
void AppendQuoted(std::string& out, std::string_view text) {
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

struct AppendJsonValue {
  std::string& out;
  void operator()(std::string_view text) const { AppendQuoted(out, text); }
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

std::string JsonLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line = "\"level\":\"";
  line.append(LevelName(level)).append("\",\"msg\":");
  AppendQuoted(line, message);
  for (const LogField& field : fields) {
    line.push_back(',');
    AppendQuoted(line, field.key);
    line.push_back(':');
    std::visit(AppendJsonValue{line}, field.value);
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

std::string TextLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string quoted;
  AppendQuoted(quoted, message);
  std::string line = fmt::format("{:<5} {}", LevelName(level), quoted.substr(1, quoted.size() - 2));
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
    const char* pattern = wanted == LogFormat::kJson ? "{\"ts\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v"
                                                     : "%Y-%m-%d %H:%M:%S.%eZ %v";
    logger.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
    logger.set_level(spdlog::level::trace);
  }

  LogFormat format;
  spdlog::logger logger;
};

Logger::Logger(LogLevel level, LogFormat format)
    : level_(level), sink_(std::make_unique<Sink>(format)) {}

Logger::Logger() : level_(kNothing) {}

Logger::~Logger() = default;

Logger& Logger::Null() {
  static Logger null;
  return null;
}

void Logger::Write(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) {
  if (!Enabled(level) || sink_ == nullptr) return;
  const std::string line = sink_->format == LogFormat::kJson ? JsonLine(level, message, fields)
                                                             : TextLine(level, message, fields);
  // One level for spdlog's eyes: ours is in the line already.
  sink_->logger.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace granary
