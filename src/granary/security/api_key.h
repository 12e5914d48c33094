// ApiKey: the text that a program shows instead of a password: gk_<id>_<secret>.
//
//   gk_4be0643f1d98573b_wYzKq…   the id names the key in lists and logs,
//                                the secret (256 bits) proves it
//
// Kept       only the SHA-256 of the whole text: a secret of 256 random bits cannot be found by
//            trying, so a slow hash would protect nothing and cost every request.
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "granary/io/clock.h"

namespace granary::security {

inline constexpr std::string_view kApiKeyPrefix = "gk_";
inline constexpr std::size_t kApiKeyIdLetters = 16;
inline constexpr std::size_t kApiKeySecretLetters = 43;

struct ApiKey {
  std::string id;
  std::string secret;

  std::string text() const;
};

/// A new key. `id` empty: a new name too; else a new secret for that name.
ApiKey MakeApiKey(io::Random& random, std::string_view id = {});

/// Nothing unless the text has exactly the form of a key.
std::optional<ApiKey> ParseApiKey(std::string_view text);

/// What is stored instead of the key.
std::string ApiKeyDigest(const ApiKey& key);

}  // namespace granary::security
