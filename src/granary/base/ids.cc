#include "granary/base/ids.h"

#include <fmt/format.h>

namespace granary {
namespace {

constexpr std::size_t kQuotedMaxBytes = 64;

bool IsFirst(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Printable ASCII stays; every other byte becomes \xNN, so that the message is always valid UTF-8
// and shows on one line.
std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text.substr(0, kQuotedMaxBytes)) {
    if (c >= ' ' && c <= '~') {
      quoted.push_back(c);
    } else {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return quoted + (text.size() > kQuotedMaxBytes ? "\"…" : "\"");
}

}  // namespace

bool IsIdentifier(std::string_view text) {
  if (text.empty() || text.size() > kIdentifierMaxBytes || !IsFirst(text.front())) return false;
  for (const char c : text.substr(1)) {
    if (!IsFirst(c) && c != '.' && c != '-') return false;
  }
  return true;
}

Status InvalidIdentifier(std::string_view text) {
  return {Code::kInvalidIdentifier,
          fmt::format("{} is not an identifier: 1 to {} of A-Z a-z 0-9 _ . - are allowed, and the "
                      "first is not . or -",
                      Quote(text), kIdentifierMaxBytes)};
}

}  // namespace granary
