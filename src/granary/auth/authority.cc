#include "granary/auth/authority.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/auth/authority_state.h"
#include "granary/auth/built_in_roles.h"
#include "granary/base/utf8.h"
#include "granary/security/api_key.h"
#include "granary/security/digest.h"
#include "granary/security/hmac.h"
#include "granary/security/token.h"

namespace granary::auth {

using security::Grant;

namespace {

constexpr std::int64_t kLeewaySeconds = 5;
constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

Status NotKnown() {
  return {Code::kUnauthenticated,
          "this API key or token is not known here: it is wrong, has ended or was revoked"};
}

}  // namespace

Status NoSuchUser(std::string_view id) {
  return {Code::kNotFound, fmt::format("there is no user '{}'", Quotable(id))};
}

Status NotAnAdmin() {
  return {Code::kPermissionDenied, "this needs the right to admin every source ('*')"};
}

// Its holder was told to use the new one: whoever goes on with it may be who it was stolen by.
Status CheckNoOldSecret(const Act& act) {
  if (!act.who.is_old_secret) return Status::Ok();
  return {Code::kPermissionDenied,
          "this key was rotated: until its grace ends it may still be used, but only the new one "
          "changes users, roles and keys"};
}

bool IsOperator(const UserRow& user) {
  return std::ranges::find(user.roles, kOperatorRole) != user.roles.end();
}

// ---- Opening

Authority::Authority(std::unique_ptr<State> state) : state_(std::move(state)) {}
Authority::~Authority() = default;

Result<std::unique_ptr<Authority>> Authority::Open(AuthorityOptions options, const io::Clock& clock,
                                                   io::Random& random) {
  auto state = std::make_unique<State>(std::move(options), clock, random);
  GRANARY_ASSIGN(state->store, AuthStore::Open(state->options.folder));
  GRANARY_ASSIGN(state->keys, SigningKeys::Open(*state->store, random, state->now_us()));
  GRANARY_ASSIGN(state->nobody, state->Hash(security::RandomText(random, 32)));
  return std::unique_ptr<Authority>(new Authority(std::move(state)));
}

Status Authority::State::AddOperator(AuthRows& rows, const std::string& name,
                                     const std::string& why, MadeKey& made) {
  const UserRow admin{.id = NewId("u_"),
                      .tenant = options.tenant,
                      .name = name,
                      .password = {},
                      .roles = {std::string(kAdminRole), std::string(kOperatorRole)},
                      .created_us = now_us()};
  const security::ApiKey key = security::MakeApiKey(random);
  made = {.row = {.id = key.id,
                  .tenant = admin.tenant,
                  .user = admin.id,
                  .name = why,
                  .digest = security::ApiKeyDigest(key),
                  .created_us = admin.created_us},
          .text = key.text()};
  GRANARY_TRY(rows.PutUser(admin));
  GRANARY_TRY(rows.PutKey(made.row));
  const Identity nobody{.user_id = "granary", .tenant = admin.tenant};
  return rows.AddAudit(Entry({nobody, "", ""}, admin.tenant, "key.create", made.row.id, why));
}

Result<std::optional<MadeKey>> Authority::MakeFirstKey() {
  std::optional<MadeKey> made;
  GRANARY_TRY(state_->store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(const bool any, rows.HasUsers());
    if (any) return Status::Ok();
    return state_->AddOperator(rows, std::string(kAdminRole), "the first key", made.emplace());
  }));
  return made;
}

Result<MadeKey> Authority::MakeRecoveryKey() {
  State& state = *state_;
  const std::string name = "recovered-" + security::RandomName(state.random, kIdDigits);
  MadeKey made;
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) {
    return state.AddOperator(rows, name, "made on the machine itself", made);
  }));
  return made;
}

// ---- Who is it

std::string Authority::State::NewId(std::string_view prefix) {
  return std::string(prefix) + security::RandomName(random, kIdDigits);
}

Result<std::vector<Grant>> Authority::State::GrantsOf(AuthRows& rows, const UserRow& user) {
  std::vector<Grant> grants;
  for (const std::string& name : user.roles) {
    if (auto built_in = GrantsOfBuiltIn(name)) {
      grants.insert(grants.end(), built_in->begin(), built_in->end());
      continue;
    }
    GRANARY_ASSIGN(const auto role, rows.FindRole(user.tenant, name));
    if (role) grants.insert(grants.end(), role->grants.begin(), role->grants.end());
  }
  return security::Simplified(grants);
}

Result<Identity> Authority::State::IdentityOf(AuthRows& rows, const UserRow& user) const {
  Identity identity{.user_id = user.id,
                    .user_name = user.name,
                    .tenant = user.tenant,
                    .credential = {},
                    .roles = user.roles};
  GRANARY_ASSIGN(identity.grants, GrantsOf(rows, user));
  if (identity.grants.size() > security::kGrantsMax) {
    return Status(Code::kPermissionDenied,
                  fmt::format("the roles of {} have {} grants together, more than {}: an "
                              "administrator should make them fewer and wider",
                              user.id, identity.grants.size(), security::kGrantsMax));
  }
  identity.is_operator = IsOperator(user);
  return identity;
}

Result<Identity> Authority::Authenticate(std::string_view credential) {
  if (credential.starts_with(security::kApiKeyPrefix)) return state_->ByKey(credential);
  if (security::LooksLikeToken(credential)) return state_->ByToken(credential);
  return Status(Code::kUnauthenticated,
                "neither an API key (gk_…) nor an access token: send one as "
                "'Authorization: Bearer …' or 'X-API-Key: …'");
}

Result<Identity> Authority::State::ByKey(std::string_view text) {
  const auto key = security::ParseApiKey(text);
  if (!key) return NotKnown();
  const std::string digest = security::ApiKeyDigest(*key);
  const std::int64_t now = now_us();
  return store->Read([&](AuthRows& rows) -> Result<Identity> {
    GRANARY_ASSIGN(const auto row, rows.FindKey(key->id));
    if (!row) return NotKnown();
    const bool is_it = security::EqualInConstantTime(row->digest, digest);
    const bool was_it =
        security::EqualInConstantTime(row->old_digest, digest) && now < row->old_until_us;
    if (!(is_it || was_it) || !IsLive(*row, now)) return NotKnown();
    GRANARY_ASSIGN(const auto user, rows.FindUser(row->user));
    if (!user || user->disabled) return NotKnown();
    GRANARY_ASSIGN(Identity identity, IdentityOf(rows, *user));
    identity.credential = "key:" + row->id;
    identity.expires_us = row->expires_us;
    identity.is_old_secret = !is_it;
    if (row->scope) {
      identity.grants = security::Narrowed(identity.grants, *row->scope);
      identity.is_operator = false;
      // Scope and roles each have so many; what they have in common may be more.
      if (identity.grants.size() > security::kGrantsMax) {
        return Status(Code::kPermissionDenied,
                      fmt::format("the key's scope and its user's roles have {} grants together, "
                                  "more than {}: make a key with a scope of fewer or wider ones",
                                  identity.grants.size(), security::kGrantsMax));
      }
    }
    return identity;
  });
}

Result<Identity> Authority::State::ByToken(std::string_view text) {
  const security::TokenRules rules{.use = security::TokenUse::kAccess,
                                   .issuer = options.issuer,
                                   .audience = std::string(kGatewayAudience),
                                   .leeway_s = kLeewaySeconds,
                                   .lifetime_max_s = options.access_token_s};
  const auto ring = keys->Get();
  GRANARY_ASSIGN(const security::TokenClaims claims,
                 security::CheckToken(text, ring->checks, rules, now_s()));
  return store->Read([&](AuthRows& rows) -> Result<Identity> {
    GRANARY_ASSIGN(const auto session, rows.FindSession(claims.session));
    if (!session || session->revoked_us != 0 || session->user != claims.subject) return NotKnown();
    GRANARY_ASSIGN(const auto user, rows.FindUser(session->user));
    if (!user || user->disabled || user->tenant != claims.tenant) return NotKnown();
    GRANARY_ASSIGN(Identity identity, IdentityOf(rows, *user));
    identity.credential = std::string(kSessionCredential) + session->id;
    return identity;
  });
}

security::TokenClaims Authority::State::ClaimsOf(const Identity& identity,
                                                 const std::string& audience, std::int64_t now_s,
                                                 std::int64_t lifetime_s,
                                                 std::vector<Grant> grants) {
  return {.issuer = options.issuer,
          .audience = audience,
          .subject = identity.user_id,
          .tenant = identity.tenant,
          .session = identity.credential,
          .token_id = security::RandomName(random, kIdDigits),
          .issued_s = now_s,
          .not_before_s = now_s,
          .expires_s = now_s + lifetime_s,
          .grants = std::move(grants)};
}

// One token serves many requests: a signature costs more than the rest of a request's way through
// the gateway. Its rights are those of now, or it is made anew.
Result<std::string> Authority::NodeToken(const Identity& identity, const std::string& audience) {
  State& state = *state_;
  const std::int64_t now_s = state.now_s();
  const std::string name = identity.credential + " " + audience;
  {
    const std::lock_guard lock(state.token_mutex);
    const State::KeptToken* kept = state.node_tokens.Find(name);
    if (kept != nullptr && now_s < kept->renew_at_s && kept->grants == identity.grants)
      return kept->token;
  }
  const std::int64_t lifetime_s = state.options.node_token_s;
  const security::TokenClaims claims =
      state.ClaimsOf(identity, audience, now_s, lifetime_s, identity.grants);
  GRANARY_ASSIGN(std::string token, security::IssueToken(state.keys->Get()->signer,
                                                         security::TokenUse::kNode, claims));
  const std::lock_guard lock(state.token_mutex);
  state.node_tokens.Get(name, [] { return State::KeptToken{}; }) = {token, identity.grants,
                                                                    now_s + lifetime_s / 2};
  return token;
}

Result<DirectToken> Authority::GiveToken(const Act& act, const std::string& audience,
                                         const std::optional<std::vector<Grant>>& scope) {
  State& state = *state_;
  static const std::vector<Grant> kData = {
      {{security::Verb::kRead, security::Verb::kWrite}, std::string(security::kAnySource)}};
  DirectToken out;
  out.grants = security::Narrowed(act.who.grants, kData);
  if (scope) out.grants = security::Narrowed(out.grants, *scope);
  if (out.grants.empty()) {
    return Status(Code::kPermissionDenied,
                  "such a token is good to read and to write, and here it would allow neither");
  }
  if (out.grants.size() > security::kGrantsMax) {
    return Status(Code::kPermissionDenied,
                  fmt::format("the scope and the caller's rights have {} grants together, more "
                              "than {}: ask for fewer or wider ones",
                              out.grants.size(), security::kGrantsMax));
  }
  const std::int64_t now_s = state.now_s();
  out.expires_in_s = state.options.node_token_s;
  if (act.who.expires_us != 0) {
    // Rounded down: a key that has less than a second left gives nothing that outlives it.
    out.expires_in_s = std::min(out.expires_in_s, act.who.expires_us / kMicrosPerSecond - now_s);
  }
  if (out.expires_in_s < 1) return Status(Code::kUnauthenticated, "the key ends in this second");
  const security::TokenClaims claims =
      state.ClaimsOf(act.who, audience, now_s, out.expires_in_s, out.grants);
  GRANARY_ASSIGN(
      out.text, security::IssueToken(state.keys->Get()->signer, security::TokenUse::kNode, claims));
  GRANARY_TRY(NoteAct(act, "token.give", claims.token_id, "done",
                      fmt::format("for {} s, to {}", out.expires_in_s, audience)));
  return out;
}

std::string Authority::Jwks() const { return state_->keys->Get()->checks.ToJson(); }

// ---- Upkeep

Status Authority::RotateSigningKey() {
  State& state = *state_;
  const std::int64_t longest_s =
      std::max(state.options.access_token_s, state.options.node_token_s) + kLeewaySeconds;
  GRANARY_TRY(
      state.keys->Rotate(state.now_us(), state.now_us() - 2 * longest_s * kMicrosPerSecond));
  const std::lock_guard lock(state.token_mutex);
  state.node_tokens.Clear();
  return Status::Ok();
}

Status Authority::Tidy() {
  State& state = *state_;
  const std::int64_t now = state.now_us();
  const std::int64_t age_us = now - state.keys->Get()->signer_created_us;
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) -> Status {
    const std::int64_t oldest = now - state.options.audit_days * kMicrosPerDay;
    GRANARY_TRY(rows.DropSessions(now));
    GRANARY_TRY(rows.DropKeys(oldest));
    return rows.DropAudit(oldest);
  }));
  // Last: nobody is told of a failure behind which there is a new key.
  return age_us < state.options.signing_key_days * kMicrosPerDay ? Status::Ok()
                                                                 : RotateSigningKey();
}

// ---- The audit log

AuditEntry Authority::State::Entry(const Act& act, std::string tenant, std::string action,
                                   std::string target, std::string detail) const {
  return {.seq = 0,
          .at_us = now_us(),
          .tenant = std::move(tenant),
          .actor = act.who.user_id,
          .action = std::move(action),
          .target = std::move(target),
          .outcome = "done",
          .address = act.address,
          .request_id = act.request_id,
          .detail = std::move(detail)};
}

Result<std::vector<AuditEntry>> Authority::ListAudit(const Act& act, AuditQuery query) {
  if (!IsTenantAdmin(act.who)) return NotAnAdmin();
  if (!act.who.is_operator) {
    if (query.tenant && *query.tenant != act.who.tenant) {
      return Status(Code::kPermissionDenied,
                    "only an operator sees what was done in other tenants: leave tenant_id out");
    }
    query.tenant = act.who.tenant;
  }
  return state_->store->Read([&](AuthRows& rows) { return rows.ListAudit(query); });
}

Status Authority::State::Commit(const std::vector<AuditEntry>& entries) {
  return store->Write([&](AuthRows& rows) -> Status {
    for (const AuditEntry& entry : entries) GRANARY_TRY(rows.AddAudit(entry));
    return Status::Ok();
  });
}

Status Authority::NoteAct(const Act& act, std::string action, std::string target,
                          std::string outcome, std::string detail) {
  AuditEntry entry =
      state_->Entry(act, act.who.tenant, std::move(action), std::move(target), std::move(detail));
  entry.outcome = std::move(outcome);
  return state_->Commit({std::move(entry)});
}

Status Authority::NoteRefusal(const AuditEntry& entry) { return state_->refusals.Add(entry); }

}  // namespace granary::auth
