// What the parts of Authority share.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "granary/auth/auth_store.h"
#include "granary/auth/authority.h"
#include "granary/auth/refusal_log.h"
#include "granary/auth/signing_keys.h"
#include "granary/security/bounded_table.h"
#include "granary/security/token.h"

namespace granary::auth {

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::size_t kNodeTokensMax = 10'000;
inline constexpr std::string_view kGatewayAudience = "granary-gateway";
inline constexpr std::string_view kSessionCredential = "session:";  ///< Before a session's id.
inline constexpr std::size_t kIdDigits = 16;

struct Authority::State {
  State(AuthorityOptions all, const io::Clock& wall, io::Random& chance)
      : options(std::move(all)),
        clock(wall),
        random(chance),
        gate(options.hashes),
        guard(options.guard),
        refusals([this](const std::vector<AuditEntry>& entries) { return Commit(entries); }),
        node_tokens(kNodeTokensMax) {}

  std::int64_t now_us() const { return clock.WallMicros(); }
  std::int64_t now_s() const { return now_us() / kMicrosPerSecond; }
  std::string NewId(std::string_view prefix);

  /// Whether it is the password of `hash`, in its turn; no longer than a password may be.
  /// kQuotaExceeded after too many wrong ones, `wait_s` then says how long to wait. What fails
  /// otherwise counts as no attempt.
  Result<bool> IsRightPassword(const std::string& account, const std::string& address,
                               const std::string& hash, std::string_view password,
                               std::int64_t& wait_s);
  /// A password's hash, in its turn.
  Result<std::string> Hash(std::string_view password);
  /// kInvalidRequest for one that is too short, too long or no text.
  Status CheckNewPassword(std::string_view pointer, std::string_view password) const;

  /// What the roles of a user allow. A role that is gone allows nothing.
  static Result<std::vector<security::Grant>> GrantsOf(AuthRows& rows, const UserRow& user);
  Result<Identity> IdentityOf(AuthRows& rows, const UserRow& user) const;
  Result<Identity> ByKey(std::string_view text);
  Result<Identity> ByToken(std::string_view text);

  /// The tenant that an administrator means: its own, or another one for an operator.
  static Result<std::string> AdministeredTenant(const Act& act,
                                                const std::optional<std::string>& wanted);
  /// The user of that id that `act` may see: itself, or any that it administers.
  static Result<UserRow> VisibleUser(AuthRows& rows, const Act& act, std::string_view id);
  /// kInvalidRequest at /roles for a role that the tenant lacks, kPermissionDenied for "operator"
  /// from somebody who is none.
  static Status CheckRoles(AuthRows& rows, const Act& act, const std::string& tenant,
                           const std::vector<std::string>& roles);
  static Result<KeyRow> VisibleKey(AuthRows& rows, const Act& act, std::string_view id);
  /// A narrow key must not become a wide one: true when the credential of `act` has all the rights
  /// of its user.
  static Result<bool> IsWhole(AuthRows& rows, const Act& act);
  /// kPermissionDenied when a key may more than whoever wants to have or end it.
  static Status CheckReach(AuthRows& rows, const Act& act, const KeyRow& key);
  /// kPermissionDenied for an operator who is somebody else, unless one asks.
  static Status CheckNoOperator(const Act& act, const UserRow& user);

  /// Makes a change in `rows`' transaction. kConflict when somebody who is an operator could come in
  /// before it, and nobody can after it.
  static Status KeepingAnOperator(AuthRows& rows, const std::function<Status()>& change);

  /// A user who is an operator of options.tenant, without a password, and a key for them.
  Status AddOperator(AuthRows& rows, const std::string& name, const std::string& why,
                     MadeKey& made);

  Result<TokenPair> Issue(const UserRow& user, const SessionRow& session,
                          const std::string& refresh) const;
  /// Of a token for a node, of its own id.
  security::TokenClaims ClaimsOf(const Identity& identity, const std::string& audience,
                                 std::int64_t now_s, std::int64_t lifetime_s,
                                 std::vector<security::Grant> grants);
  /// `tenant` is the one that it happened in.
  AuditEntry Entry(const Act& act, std::string tenant, std::string action, std::string target,
                   std::string detail = {}) const;

  Status Commit(const std::vector<AuditEntry>& entries);

  struct KeptToken {
    std::string token;
    std::vector<security::Grant> grants;
    std::int64_t renew_at_s = 0;
  };

  const AuthorityOptions options;
  const io::Clock& clock;
  io::Random& random;
  security::HashGate gate;
  security::LoginGuard guard;
  RefusalLog refusals;
  std::unique_ptr<AuthStore> store;
  std::unique_ptr<SigningKeys> keys;
  std::string nobody;  ///< A hash that no password has, checked for users that are not there.
  std::mutex token_mutex;
  security::BoundedTable<KeptToken> node_tokens;  // Guarded by token_mutex.
};

Status NoSuchUser(std::string_view id);
Status NotAnAdmin();
/// kPermissionDenied for a key that was rotated.
Status CheckNoOldSecret(const Act& act);
bool IsOperator(const UserRow& user);
/// Neither revoked nor past its end.
bool IsLive(const KeyRow& key, std::int64_t now_us);

}  // namespace granary::auth
