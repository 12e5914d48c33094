// Tokens. The input is a token as a client sends it.
//
// Promises   of all texts, one alone is a good access token: the one that was issued. Whatever else
//            is refused as kUnauthenticated. A key set that is read is written and read the same.
#include <string>

#include "granary/base/check.h"
#include "granary/security/key_set.h"
#include "granary/security/token.h"
#include "granary/testing/fuzz_target.h"

namespace granary::security {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

const SigningKey& Key() {
  static const SigningKey key = SigningKey::FromSeed(std::string(kKeySeedBytes, 'k')).Take();
  return key;
}

const std::string& GoodToken() {
  static const std::string token = IssueToken(Key(), TokenUse::kAccess,
                                              {.issuer = "granary",
                                               .audience = "granary-gateway",
                                               .subject = "u_1",
                                               .tenant = "acme",
                                               .session = "s_1",
                                               .token_id = "t_1",
                                               .issued_s = kNow,
                                               .not_before_s = kNow,
                                               .expires_s = kNow + 900,
                                               .grants = {}})
                                       .Take();
  return token;
}

void CheckOneToken(std::string_view text) {
  static const KeySet keys({Key().public_key()});
  const TokenRules rules{.use = TokenUse::kAccess,
                         .issuer = "granary",
                         .audience = "granary-gateway",
                         .lifetime_max_s = 900};
  const auto claims = CheckToken(text, keys, rules, kNow);
  GRANARY_CHECK(claims.ok() == (text == GoodToken()), "{}", text);
  GRANARY_CHECK(claims.ok() || claims.status().code() == Code::kUnauthenticated);
}

void CheckOneKeySet(std::string_view text) {
  const auto keys = KeySet::Parse(text);
  if (!keys.ok()) {
    GRANARY_CHECK(keys.status().code() == Code::kInvalidArgument);
    return;
  }
  const auto again = KeySet::Parse(keys->ToJson());
  GRANARY_CHECK(again.ok() && again->ToJson() == keys->ToJson());
}

}  // namespace
}  // namespace granary::security

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  granary::security::CheckOneToken(text);
  granary::security::CheckOneKeySet(text);
  return 0;
}
