#include "granary/services/operation_node/node_tokens.h"

#include <utility>

#include "granary/security/digest.h"
#include "granary/security/hmac.h"
#include "granary/security/key_set.h"
#include "granary/security/node_token.h"
#include "granary/security/permissions.h"
#include "granary/security/token.h"

namespace granary::operation {
namespace {

constexpr std::size_t kTenantsKept = 4096;
constexpr std::size_t kTokenIdLetters = 16;
constexpr std::string_view kUse = "granary: the key of node tokens";

}  // namespace

NodeTokens::NodeTokens(security::SigningKey key, std::string id, const io::Clock& clock,
                       io::Random& random)
    : key_(std::move(key)),
      id_(std::move(id)),
      clock_(clock),
      random_(random),
      kept_(kTenantsKept) {}

Result<std::unique_ptr<NodeTokens>> NodeTokens::Make(const Identity& identity,
                                                     const io::Clock& clock, io::Random& random) {
  GRANARY_ASSIGN(const std::string seed, security::HmacSha256(identity.secret, kUse));
  GRANARY_ASSIGN(security::SigningKey key, security::SigningKey::FromSeed(seed));
  return std::unique_ptr<NodeTokens>(new NodeTokens(std::move(key), identity.id, clock, random));
}

Result<std::string> NodeTokens::For(const std::string& tenant) {
  const std::int64_t now_s = clock_.WallMicros() / 1'000'000;
  const std::lock_guard lock(mutex_);
  if (const Kept* kept = kept_.Find(tenant); kept != nullptr && now_s < kept->renew_at_s)
    return kept->token;
  const security::TokenClaims claims{
      .issuer = std::string(security::kIssuer),
      .audience = security::NodeAudience(tenant),
      .subject = id_,
      .tenant = tenant,
      .session = "operation-node",
      .token_id = security::RandomName(random_, kTokenIdLetters),
      .issued_s = now_s,
      .not_before_s = now_s,
      .expires_s = now_s + kLifetimeSeconds,
      .grants = {{{security::Verb::kRead}, std::string(security::kAnySource)}}};
  GRANARY_ASSIGN(std::string token, security::IssueToken(key_, security::TokenUse::kNode, claims));
  kept_.Get(tenant, [] { return Kept{}; }) = {token, now_s + kLifetimeSeconds / 2};
  return token;
}

std::string NodeTokens::Jwks() const { return security::KeySet({key_.public_key()}).ToJson(); }

}  // namespace granary::operation
