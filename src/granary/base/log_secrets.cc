#include "granary/base/log_secrets.h"

#include <algorithm>
#include <cstddef>

namespace granary {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::size_t kKeyIdLetters = 16;
// Shorter ones are words that look alike; a secret of ours has 43 letters.
constexpr std::size_t kSecretLettersMin = 20;

bool IsDigitOrLetter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsBase64Url(char c) { return IsDigitOrLetter(c) || c == '-' || c == '_'; }

// How many letters of that kind stand at the beginning.
std::size_t Run(std::string_view text, bool (*is_one)(char c)) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_one) - text.begin());
}

// Of what begins at `text`: how many bytes stay and how many go; nothing goes where it is none.
struct Cut {
  std::size_t stay = 0, go = 0;
};

Cut CutKey(std::string_view text) {
  const std::size_t id = Run(text.substr(3), IsDigitOrLetter);
  const std::size_t stay = 3 + id + 1;
  if (id != kKeyIdLetters || text.size() <= stay || text[stay - 1] != '_') return {};
  const std::size_t secret = Run(text.substr(stay), IsDigitOrLetter);
  return secret >= kSecretLettersMin ? Cut{stay, secret} : Cut{};
}

Cut CutRefreshToken(std::string_view text) {
  const std::size_t secret = Run(text.substr(3), IsBase64Url);
  return secret >= kSecretLettersMin ? Cut{3, secret} : Cut{};
}

// The head names the key that signed, the body who asks; who has all three has their rights.
Cut CutToken(std::string_view text) {
  const std::size_t head = Run(text, IsBase64Url);
  if (head < kSecretLettersMin || head >= text.size() || text[head] != '.') return {};
  const std::size_t body = Run(text.substr(head + 1), IsBase64Url);
  if (body == 0) return {};
  std::size_t end = head + 1 + body;
  if (end < text.size() && text[end] == '.') end += 1 + Run(text.substr(end + 1), IsBase64Url);
  return {3, end - 3};
}

Cut CutAt(std::string_view text) {
  if (text.starts_with("gk_")) return CutKey(text);
  if (text.starts_with("gr_")) return CutRefreshToken(text);
  return text.starts_with("eyJ") ? CutToken(text) : Cut{};
}

}  // namespace

std::string WithoutSecrets(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Cut cut = CutAt(text);
    out.append(text.substr(0, cut.go == 0 ? 1 : cut.stay));
    if (cut.go != 0) out.append(kHidden);
    text.remove_prefix(cut.go == 0 ? 1 : cut.stay + cut.go);
  }
  return out;
}

}  // namespace granary
