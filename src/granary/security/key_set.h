// KeySet: the public keys that signatures are checked with, by name; and as a JSON Web Key Set.
//
//   {"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"…","x":"…"}]}
//
// Source     RFC 7517, RFC 8037.
// Threads    const from many.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/security/signing_key.h"

namespace granary::security {

inline constexpr std::size_t kKeySetBytesMax = 64u << 10;
inline constexpr std::size_t kKeySetKeysMax = 64;

class KeySet {
 public:
  KeySet() = default;
  explicit KeySet(std::vector<PublicKey> keys) : keys_(std::move(keys)) {}

  /// Keys of other kinds are passed over, as RFC 7517 asks. kInvalidArgument when the text is no
  /// key set, is over the limits, holds none of ours, or has one whose name is not its own.
  static Result<KeySet> Parse(std::string_view text);
  std::string ToJson() const;

  /// Null when there is none of that name.
  const PublicKey* Find(std::string_view id) const;
  const std::vector<PublicKey>& keys() const { return keys_; }

 private:
  std::vector<PublicKey> keys_;
};

}  // namespace granary::security
