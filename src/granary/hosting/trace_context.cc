#include "granary/hosting/trace_context.h"

#include <algorithm>
#include <string_view>

namespace granary::hosting {
namespace {

constexpr std::size_t kLength = 55;  // 00-<32>-<16>-<2>

bool IsHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

std::string TraceIdOf(const net::Headers& headers) {
  const auto given = headers.Get("traceparent");
  if (!given || given->size() != kLength) return {};
  const std::string_view version = given->substr(0, 2), trace = given->substr(3, 32),
                         parent = given->substr(36, 16), flags = given->substr(53);
  const bool dashed = (*given)[2] == '-' && (*given)[35] == '-' && (*given)[52] == '-';
  const bool hex = IsHex(version) && IsHex(trace) && IsHex(parent) && IsHex(flags);
  if (!dashed || !hex || version == "ff" || IsZero(trace) || IsZero(parent)) return {};
  return std::string(trace);
}

}  // namespace granary::hosting
