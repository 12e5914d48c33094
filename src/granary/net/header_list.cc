#include "granary/net/header_list.h"

#include <algorithm>
#include <utility>

namespace granary::net {
namespace {

std::string_view Trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// What is before the next `end` outside quotes; `rest` is then what is behind it.
std::string_view TakeUntil(std::string_view& rest, char end) {
  std::size_t at = 0;
  for (bool quoted = false; at < rest.size() && (quoted || rest[at] != end); ++at) {
    if (rest[at] == '"') quoted = !quoted;
    if (quoted && rest[at] == '\\') ++at;
  }
  at = std::min(at, rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

std::string Unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    out.push_back(text[i]);
  }
  return out;
}

}  // namespace

std::string InLowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::optional<std::string_view> HeaderItem::Parameter(std::string_view name) const {
  for (const HeaderParameter& parameter : parameters) {
    if (parameter.name == name) return parameter.value;
  }
  return std::nullopt;
}

std::vector<HeaderItem> ParseHeaderList(std::string_view header) {
  std::vector<HeaderItem> items;
  while (!header.empty()) {
    std::string_view rest = TakeUntil(header, ',');
    HeaderItem item{InLowerCase(Trimmed(TakeUntil(rest, ';'))), {}};
    while (!rest.empty()) {
      std::string_view value = Trimmed(TakeUntil(rest, ';'));
      if (value.empty()) continue;
      const std::string_view name = Trimmed(TakeUntil(value, '='));
      item.parameters.push_back({InLowerCase(name), Unquoted(Trimmed(value))});
    }
    if (!item.value.empty()) items.push_back(std::move(item));
  }
  return items;
}

}  // namespace granary::net
