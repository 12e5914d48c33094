#include "granary/hosting/variable.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "granary/base/utf8.h"

namespace granary::hosting {
namespace {

template <typename Number>
bool ParseAll(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string Rule::AllowedWhole(std::int64_t min, std::int64_t max) {
  return fmt::format("a whole number from {} to {}", min, max);
}
std::string Rule::AllowedNumber(double min, double max) {
  return fmt::format("a number from {} to {}", min, max);
}

bool Rule::ReadWhole(std::string_view text, std::int64_t min, std::int64_t max, std::int64_t& out) {
  std::int64_t value = 0;
  if (!ParseAll(text, value) || value < min || value > max) return false;
  out = value;
  return true;
}

bool Rule::ReadNumber(std::string_view text, double min, double max, double& out) {
  double value = 0;
  if (!ParseAll(text, value) || !std::isfinite(value) || value < min || value > max) return false;
  out = value;
  return true;
}

bool Rule::ReadSwitch(std::string_view text, bool& out) {
  const std::string given = Lowercase(text);
  const bool on = given == "true" || given == "1";
  if (!on && given != "false" && given != "0") return false;
  out = on;
  return true;
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 255 && IsValidUtf8(text);
}
bool IsPath(std::string_view text) { return !text.empty() && IsOptionalPath(text); }
bool IsOptionalPath(std::string_view text) { return text.find('\0') == std::string_view::npos; }
bool IsHost(std::string_view text) {
  return !text.empty() && text.find_first_of(" /\t") == std::string_view::npos;
}

std::string Lowercase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace granary::hosting
