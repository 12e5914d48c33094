// Passwords and sessions.
#include <utility>

#include <fmt/format.h>

#include "granary/auth/authority.h"
#include "granary/auth/authority_state.h"
#include "granary/base/ids.h"
#include "granary/base/utf8.h"
#include "granary/security/digest.h"
#include "granary/security/token.h"

namespace granary::auth {
namespace {

constexpr std::string_view kRefreshPrefix = "gr_";
constexpr std::size_t kRefreshLetters = 43;

Status WrongLogin() { return {Code::kUnauthenticated, "the user name or the password is wrong"}; }

Status BadRefreshToken() {
  return {Code::kUnauthenticated, "the refresh token is not good any more: log in again"};
}

std::string NewRefreshToken(io::Random& random) {
  return std::string(kRefreshPrefix) + security::RandomText(random, kRefreshLetters);
}

}  // namespace

Result<bool> Authority::State::IsRightPassword(const std::string& account,
                                               const std::string& address, const std::string& hash,
                                               std::string_view password, std::int64_t& wait_s) {
  const std::string owner = security::AddressOwner(address);
  wait_s = guard.Begin(account, owner, clock.MonotonicNanos());
  if (wait_s > 0) {
    return Status(Code::kQuotaExceeded,
                  fmt::format("too many failed attempts: try again in {} s", wait_s));
  }
  if (password.size() > security::kPasswordBytesMax) return false;
  const auto slot = gate.Enter();
  Result<bool> right =
      slot.ok() ? security::IsPassword(hash, password) : Result<bool>(slot.status());
  if (!right.ok()) guard.Undo(account, owner);
  return right;
}

Result<std::string> Authority::State::Hash(std::string_view password) {
  GRANARY_ASSIGN(const auto slot, gate.Enter());
  return security::HashPassword(
      password, security::RandomBytes(random, security::kPasswordSaltBytes), options.password_cost);
}

Status Authority::State::CheckNewPassword(std::string_view pointer,
                                          std::string_view password) const {
  const std::size_t least = options.password_bytes_min;
  if (password.size() >= least && password.size() <= security::kPasswordBytesMax &&
      IsValidUtf8(password)) {
    return Status::Ok();
  }
  return Status::Invalid(
      Code::kInvalidRequest, std::string(pointer),
      fmt::format("a password has {} to {} bytes of UTF-8", least, security::kPasswordBytesMax));
}

Result<TokenPair> Authority::State::Issue(const UserRow& user, const SessionRow& session,
                                          const std::string& refresh) const {
  const std::int64_t now = now_s();
  const security::TokenClaims claims{.issuer = options.issuer,
                                     .audience = std::string(kGatewayAudience),
                                     .subject = user.id,
                                     .tenant = user.tenant,
                                     .session = session.id,
                                     .token_id = security::RandomName(random, kIdDigits),
                                     .issued_s = now,
                                     .not_before_s = now,
                                     .expires_s = now + options.access_token_s,
                                     .grants = {}};
  GRANARY_ASSIGN(std::string access,
                 security::IssueToken(keys->Get()->signer, security::TokenUse::kAccess, claims));
  return TokenPair{std::move(access), refresh, options.access_token_s, user.id, user.tenant};
}

Result<TokenPair> Authority::LogIn(const Login& login, std::int64_t& wait_s) {
  State& state = *state_;
  std::string tenant = login.tenant.value_or(state.options.tenant);
  std::string account = tenant + "/" + login.name;
  // What can be nobody's name is told like any other, and nowhere kept: it may be long.
  if (!IsIdentifier(tenant) || !IsIdentifier(login.name)) {
    tenant.clear();
    account = "?";
  }
  GRANARY_ASSIGN(const std::optional<UserRow> user, state.store->Read([&](AuthRows& rows) {
    return rows.FindUserByName(tenant, login.name);
  }));
  const bool has_password = user && !user->disabled && !user->password.empty();
  // Whoever is not there takes as long as whoever is.
  const std::string& hash = has_password ? user->password : state.nobody;
  GRANARY_ASSIGN(const bool is_it,
                 state.IsRightPassword(account, login.address, hash, login.password, wait_s));
  const bool right = is_it && has_password;
  const Identity known{.user_id = user ? user->id : std::string(), .tenant = tenant};
  const Act act{known, login.address, login.request_id};
  if (!right) {
    AuditEntry entry = state.Entry(act, tenant, "login", std::string(Quotable(login.name)));
    entry.outcome = "refused";
    GRANARY_TRY(NoteRefusal(entry));
    return WrongLogin();
  }
  state.guard.Succeeded(account, security::AddressOwner(login.address));
  std::string renewed;
  if (security::IsOutdated(user->password, state.options.password_cost)) {
    // Too many hash by now: at another login, then.
    if (auto hash_now = state.Hash(login.password); hash_now.ok()) renewed = hash_now.Take();
  }
  const std::string refresh = NewRefreshToken(state.random);
  const std::int64_t now = state.now_us();
  const SessionRow session{.id = state.NewId("s_"),
                           .tenant = tenant,
                           .user = user->id,
                           .created_us = now,
                           .expires_us = now + state.options.session_s * kMicrosPerSecond,
                           .revoked_us = 0};
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) -> Status {
    // The user as it is now: a change that came meanwhile wins.
    GRANARY_ASSIGN(auto current, rows.FindUser(user->id));
    if (!current || current->disabled || current->password != user->password) return WrongLogin();
    if (!renewed.empty()) {
      current->password = renewed;
      GRANARY_TRY(rows.PutUser(*current));
    }
    GRANARY_TRY(rows.PutSession(session));
    GRANARY_TRY(rows.PutRefresh({security::Sha256(refresh), session.id, 0}));
    return rows.AddAudit(state.Entry(act, tenant, "login", user->name, session.id));
  }));
  return state.Issue(*user, session, refresh);
}

// A refresh token is good once. Two that use one are its holder and a thief, and nobody knows which
// is which: both lose the session.
Result<TokenPair> Authority::Refresh(std::string_view refresh_token, const std::string& address,
                                     const std::string& request_id) {
  State& state = *state_;
  if (refresh_token.size() != kRefreshPrefix.size() + kRefreshLetters ||
      !refresh_token.starts_with(kRefreshPrefix)) {
    return BadRefreshToken();
  }
  const std::int64_t now = state.now_us();
  const std::string next = NewRefreshToken(state.random);
  std::optional<UserRow> user;
  SessionRow session;
  bool reused = false;
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(auto found, rows.FindRefresh(security::Sha256(refresh_token)));
    if (!found) return BadRefreshToken();
    GRANARY_ASSIGN(auto of, rows.FindSession(found->session));
    if (!of || of->revoked_us != 0 || now >= of->expires_us) return BadRefreshToken();
    session = *of;
    GRANARY_ASSIGN(user, rows.FindUser(session.user));
    if (!user || user->disabled) return BadRefreshToken();
    const Identity who{.user_id = user->id, .tenant = user->tenant};
    AuditEntry entry = state.Entry({who, address, request_id}, user->tenant, "refresh", session.id);
    if (found->used_us != 0) {
      reused = true;
      session.revoked_us = now;
      GRANARY_TRY(rows.PutSession(session));
      entry.outcome = "refused";
      entry.detail = "a refresh token was used twice: the session is ended";
      return rows.AddAudit(entry);
    }
    found->used_us = now;
    GRANARY_TRY(rows.PutRefresh(*found));
    GRANARY_TRY(rows.PutRefresh({security::Sha256(next), session.id, 0}));
    return rows.AddAudit(entry);
  }));
  if (reused) return BadRefreshToken();
  return state.Issue(*user, session, next);
}

Status Authority::LogOut(const Act& act) {
  State& state = *state_;
  if (!act.who.credential.starts_with(kSessionCredential)) {
    return {Code::kInvalidRequest,
            "a key has no session to end: revoke it with DELETE /auth/keys/{id}"};
  }
  const std::string id = act.who.credential.substr(kSessionCredential.size());
  return state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(auto session, rows.FindSession(id));
    if (!session || session->revoked_us != 0) return Status::Ok();
    session->revoked_us = state.now_us();
    GRANARY_TRY(rows.PutSession(*session));
    return rows.AddAudit(state.Entry(act, act.who.tenant, "logout", id));
  });
}

}  // namespace granary::auth
