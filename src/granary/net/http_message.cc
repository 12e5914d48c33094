#include "granary/net/http_message.h"

#include <algorithm>

namespace granary::net {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

}  // namespace

void Headers::Set(std::string_view name, std::string_view value) {
  for (auto& [known, text] : items_) {
    if (!EqualsIgnoringCase(known, name)) continue;
    text = value;
    return;
  }
  items_.emplace_back(name, value);
}

std::optional<std::string_view> Headers::Get(std::string_view name) const {
  for (const auto& [known, text] : items_) {
    if (EqualsIgnoringCase(known, name)) return text;
  }
  return std::nullopt;
}

std::optional<std::string_view> HttpRequest::QueryParameter(std::string_view name) const {
  for (const auto& [known, value] : query) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace granary::net
