// Tokens: who somebody is and may do, signed, in the form of JSON Web Tokens.
//
//   access   the gateway's own, for its clients: names a user and a session. What they may do is
//            looked up when it is used, so that a change counts at once.
//   node     from the gateway to a Tenant Node, for a minute: carries the rights themselves, so that
//            a node checks it with the public keys alone.
//
// Promise    one algorithm (EdDSA over Ed25519) that no token can choose; one type, issuer and
//            audience; a header with exactly alg, kid and typ; each claim once. Each token has one
//            spelling. What is not exactly that is kUnauthenticated, and the message says why.
// Source     RFC 7519, RFC 8037, RFC 8725 (best current practice), RFC 9068 (at+jwt).
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/security/key_set.h"
#include "granary/security/permissions.h"
#include "granary/security/signing_key.h"

namespace granary::security {

enum class TokenUse : std::uint8_t { kAccess, kNode };

struct TokenClaims {
  std::string issuer, audience;
  std::string subject;  ///< The user's id.
  std::string tenant;
  std::string session;   ///< Of an access token; a node token says by which credential.
  std::string token_id;  ///< For logs.
  std::int64_t issued_s = 0, not_before_s = 0, expires_s = 0;  ///< Unix time.
  std::vector<Grant> grants;                                   ///< Of a node token.
  bool operator==(const TokenClaims&) const = default;
};

inline constexpr std::size_t kTokenBytesMax = 12u << 10;

Result<std::string> IssueToken(const SigningKey& key, TokenUse use, const TokenClaims& claims);

/// True for what could only be a token of ours: three parts of which the first begins as a header.
bool LooksLikeToken(std::string_view text);

struct TokenRules {
  TokenUse use = TokenUse::kAccess;
  std::string issuer, audience;
  std::string also_audience = {};  ///< Another one that will do; empty: none.
  /// Both have the token's own tenant behind them: of whoever serves many.
  bool audience_names_tenant = false;
  std::int64_t leeway_s = 5;        ///< By how much clocks may differ.
  std::int64_t lifetime_max_s = 0;  ///< From iat to exp: a token for longer was not meant.
};

/// What a token says, if all of it is as `rules` want it; kUnauthenticated otherwise.
Result<TokenClaims> CheckToken(std::string_view token, const KeySet& keys, const TokenRules& rules,
                               std::int64_t now_s);

}  // namespace granary::security
