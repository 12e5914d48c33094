#include "granary/security/api_key.h"

#include <algorithm>

#include "granary/security/digest.h"

namespace granary::security {
namespace {

bool IsLowerHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool IsLetterOrDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string ApiKey::text() const {
  return std::string(kApiKeyPrefix).append(id).append("_").append(secret);
}

ApiKey MakeApiKey(io::Random& random, std::string_view id) {
  return {id.empty() ? RandomName(random, kApiKeyIdLetters) : std::string(id),
          RandomText(random, kApiKeySecretLetters)};
}

std::optional<ApiKey> ParseApiKey(std::string_view text) {
  constexpr std::size_t kSize = kApiKeyPrefix.size() + kApiKeyIdLetters + 1 + kApiKeySecretLetters;
  if (text.size() != kSize || !text.starts_with(kApiKeyPrefix)) return std::nullopt;
  text.remove_prefix(kApiKeyPrefix.size());
  const std::string_view id = text.substr(0, kApiKeyIdLetters);
  const std::string_view secret = text.substr(kApiKeyIdLetters + 1);
  if (text[kApiKeyIdLetters] != '_' || !std::ranges::all_of(id, IsLowerHex) ||
      !std::ranges::all_of(secret, IsLetterOrDigit)) {
    return std::nullopt;
  }
  return ApiKey{std::string(id), std::string(secret)};
}

std::string ApiKeyDigest(const ApiKey& key) { return Sha256(key.text()); }

}  // namespace granary::security
