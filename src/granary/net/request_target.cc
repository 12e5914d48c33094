#include "granary/net/request_target.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "granary/base/append_format.h"
#include "granary/base/utf8.h"

namespace granary::net {
namespace {

Status BadTarget(std::string_view what) {
  return {Code::kInvalidArgument, fmt::format("request target: {}", what)};
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

enum class Part { kPath, kQuery };

Result<std::string> Decode(std::string_view text, Part part) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const auto high = i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
      const auto low = high ? HexDigit(text[i + 2]) : std::nullopt;
      if (!low)
        return BadTarget(fmt::format("'%' at byte {} does not start two hexadecimal digits", i));
      c = static_cast<char>(*high * 16 + *low);
      i += 2;
      if (part == Part::kPath && c == '/') return BadTarget("an escaped '/' in a path segment");
    } else if (c == '+' && part == Part::kQuery) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return BadTarget("a control character");
    out.push_back(c);
  }
  if (!IsValidUtf8(out)) return BadTarget("not UTF-8 when decoded");
  return out;
}

// "http://host/path?q" -> "/path?q".
std::string_view WithoutAuthority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const auto end = target.find_first_of("/?");
    return end == std::string_view::npos ? std::string_view("/") : target.substr(end);
  }
  return target;
}

Status ParseQuery(std::string_view text, RequestTarget& out) {
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    GRANARY_ASSIGN(std::string name, Decode(pair.substr(0, equals), Part::kQuery));
    GRANARY_ASSIGN(std::string value,
                   Decode(pair.substr(std::min(equals + 1, pair.size())), Part::kQuery));
    out.query.emplace_back(std::move(name), std::move(value));
  }
  return Status::Ok();
}

// Nothing but what is unreserved (RFC 3986) stays as it is, and the slashes of a path.
void AppendEscaped(std::string_view text, Part part, std::string& out) {
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool plain = letter || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain || (c == '/' && part == Part::kPath)) {
      out.push_back(c);
    } else {
      AppendFormat(out, "%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

}  // namespace

std::string FormatTarget(std::string_view path,
                         const std::vector<std::pair<std::string, std::string>>& query) {
  std::string out;
  AppendEscaped(path, Part::kPath, out);
  for (std::size_t i = 0; i < query.size(); ++i) {
    out.push_back(i == 0 ? '?' : '&');
    AppendEscaped(query[i].first, Part::kQuery, out);
    out.push_back('=');
    AppendEscaped(query[i].second, Part::kQuery, out);
  }
  return out;
}

Result<RequestTarget> ParseTarget(std::string_view target) {
  target = WithoutAuthority(target);
  if (target.starts_with('?')) return BadTarget("no path");
  if (!target.starts_with('/')) return BadTarget("it must start with '/'");
  if (target.find('#') != std::string_view::npos)
    return BadTarget("a fragment ('#') is not part of a request");
  const auto mark = std::min(target.find('?'), target.size());
  RequestTarget out;
  GRANARY_ASSIGN(out.path, Decode(target.substr(0, mark), Part::kPath));
  GRANARY_TRY(ParseQuery(target.substr(std::min(mark + 1, target.size())), out));
  return out;
}

}  // namespace granary::net
