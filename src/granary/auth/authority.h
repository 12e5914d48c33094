// Authority: users, keys, sessions and what they may do; everything that the Auth Gateway knows, as
// C++ calls.
//
// Promise    what is refused to one tenant about another one is refused as if it were not there. A
//            change counts for the next request: rights are looked up when they are used. Each act
//            that changes something, and each login, is in the audit log, in the commit of the act;
//            passwords, keys and tokens are in no log.
// Rules      docs/design/022-auth.md.
// Threads    fully safe.
// Owns       its store. Clock and random outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/auth/auth_rows.h"
#include "granary/auth/identity.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/security/hash_gate.h"
#include "granary/security/login_guard.h"
#include "granary/security/password_hash.h"

namespace granary::auth {

struct AuthorityOptions {
  std::string folder;  ///< DATA_PATH/auth.
  std::string tenant;  ///< Whose the first key is, and a login that names none.
  std::string issuer = "granary";
  std::int64_t access_token_s = 900;
  std::int64_t session_s = 30 * 86'400;
  std::int64_t node_token_s = 60;
  std::int64_t key_grace_s =
      3600;  ///< A key that was rotated goes on for so long, unless told otherwise.
  std::int64_t signing_key_days = 30;
  std::int64_t audit_days = 365;
  std::size_t password_bytes_min = 10;
  std::size_t users_max = 100'000;  ///< Of a tenant.
  std::size_t keys_max = 1'000;     ///< Of a user, revoked ones left out.
  std::size_t roles_max = 1'000;    ///< Of a tenant.
  security::PasswordCost password_cost{};
  security::HashGateOptions hashes{};
  security::LoginGuardOptions guard{};
};

struct Login {
  std::optional<std::string> tenant;
  std::string name, password;
  std::string address, request_id;
};

struct TokenPair {
  std::string access_token, refresh_token;
  std::int64_t expires_in_s = 0;
  std::string user_id, tenant;
};

struct NewUser {
  std::optional<std::string> tenant;  ///< Nothing: the caller's.
  std::string name;
  std::optional<std::string> password;  ///< Nothing: only keys let this user in.
  std::vector<std::string> roles;
};

struct UserChange {
  std::optional<std::string> password;
  std::optional<std::string> current_password;  ///< Needed to change one's own.
  std::optional<std::vector<std::string>> roles;
  std::optional<bool> disabled;
};

struct NewKey {
  std::optional<std::string> user;  ///< Nothing: the caller.
  std::string name;
  std::optional<std::vector<security::Grant>> scope;
  std::optional<std::int64_t> expires_us;
};

struct MadeKey {
  KeyRow row;
  std::string text;  ///< Never to be had again.
};

struct DirectToken {
  std::string text;
  std::int64_t expires_in_s = 0;
  std::vector<security::Grant> grants;
};

/// How long the old secret of a rotated key may be good.
inline constexpr std::int64_t kKeyGraceSecondsMax = 30 * 86'400;

class Authority {
 public:
  /// OpenAuthFile's failures.
  static Result<std::unique_ptr<Authority>> Open(AuthorityOptions options, const io::Clock& clock,
                                                 io::Random& random);
  ~Authority();

  /// When there is nobody yet: an administrator "admin" of options.tenant and a key for them. Else
  /// nothing.
  Result<std::optional<MadeKey>> MakeFirstKey();
  /// The way back for whoever may write this file, when no operator can come in any more: one more
  /// operator of options.tenant, of a name that nobody has, and a key for them.
  Result<MadeKey> MakeRecoveryKey();

  /// Who shows this key or access token. kUnauthenticated says no more than its holder knows.
  Result<Identity> Authenticate(std::string_view credential);
  /// A token that tells `audience` who asks and what they may do.
  Result<std::string> NodeToken(const Identity& identity, const std::string& audience);
  /// A token that its holder shows `audience` without us between them: to read and write, no more
  /// than they may and `scope` says, for options.node_token_s and no longer than their key. What
  /// changes sources goes through the gateway, so that its audit log has it. kPermissionDenied when
  /// nothing of that is theirs. The giving is in the audit log.
  Result<DirectToken> GiveToken(const Act& act, const std::string& audience,
                                const std::optional<std::vector<security::Grant>>& scope);
  /// The public keys, as a JSON Web Key Set.
  std::string Jwks() const;

  /// kUnauthenticated for a wrong name or password, told alike and as slowly; kQuotaExceeded after
  /// too many failures (`wait_s` says how long to wait), kOverloaded while too many log in.
  Result<TokenPair> LogIn(const Login& login, std::int64_t& wait_s);
  /// kUnauthenticated for a token that is not good; one that was used before ends its session.
  Result<TokenPair> Refresh(std::string_view refresh_token, const std::string& address,
                            const std::string& request_id);
  /// Ends the caller's session. kInvalidRequest when they came with a key.
  Status LogOut(const Act& act);

  // Users. kPermissionDenied unless it is oneself or an administrator; kNotFound for users of
  // others. kConflict for what would leave no operator who can come in, by a password or a key
  // without scope and end; so with keys.
  Result<UserRow> CreateUser(const Act& act, const NewUser& user);
  Result<UserRow> GetUser(const Act& act, std::string_view id);
  Result<std::vector<UserRow>> ListUsers(const Act& act, const std::optional<std::string>& tenant,
                                         std::string_view after, std::size_t limit);
  /// One's own password takes the current one; `wait_s` as for LogIn.
  Result<UserRow> ChangeUser(const Act& act, std::string_view id, const UserChange& change,
                             std::int64_t& wait_s);
  Status DeleteUser(const Act& act, std::string_view id);
  /// What a user may do: the roles' grants.
  Result<std::vector<security::Grant>> PermissionsOf(const Act& act, std::string_view user_id);

  // Roles, for administrators. kConflict for a built-in name, and for deleting one in use.
  Result<RoleRow> PutRole(const Act& act, const std::optional<std::string>& tenant,
                          std::string_view name, std::vector<security::Grant> grants);
  Result<std::vector<RoleRow>> ListRoles(const Act& act, const std::optional<std::string>& tenant);
  Status DeleteRole(const Act& act, const std::optional<std::string>& tenant,
                    std::string_view name);

  // Keys: one's own, or any of the tenant for administrators.
  Result<MadeKey> CreateKey(const Act& act, const NewKey& key);
  Result<std::vector<KeyRow>> ListKeys(const Act& act, const std::optional<std::string>& user,
                                       std::string_view after = {}, std::size_t limit = 1000);
  /// A new secret under the same id; the old one is good for `grace_s` more.
  Result<MadeKey> RotateKey(const Act& act, std::string_view id,
                            std::optional<std::int64_t> grace_s);
  Status RevokeKey(const Act& act, std::string_view id);

  /// Of the caller's tenant; of any for an operator. For administrators. kPermissionDenied for who is
  /// none, and for another tenant.
  Result<std::vector<AuditEntry>> ListAudit(const Act& act, AuditQuery query);
  /// Something that was asked of a node of the caller's tenant: `outcome` is done, refused, or
  /// unknown, when the node did not say.
  Status NoteAct(const Act& act, std::string action, std::string target, std::string outcome,
                 std::string detail);
  /// Something that was refused and changed nothing.
  Status NoteRefusal(const AuditEntry& entry);

  /// A tenant is deleted: its users, keys, sessions and roles end at once, none of which the next
  /// tenant of that id finds, nor what the audit log has of it: operators see that as
  /// "<tenant>#<when>". OK also when there is nothing of it. kConflict, and nothing is done, while
  /// it has the last operator who can come in. `act.who` is whoever deletes it.
  Status EndTenant(const Act& act, const std::string& tenant);

  /// Signing keys that are due are replaced; what is too old to matter is forgotten.
  Status Tidy();
  Status RotateSigningKey();

 private:
  struct State;
  explicit Authority(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::auth
