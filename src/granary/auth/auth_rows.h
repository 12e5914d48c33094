// AuthRows: what the auth file holds, as values, over one connection.
//
// Texts      roles and grants are kept as words divided by spaces; digests as their bytes. Instants
//            are microseconds since 1970; 0 where something has not happened, or has no end.
// Errors     SQLite's (sqlite_db.h). A row that no longer reads is kCorruption.
// Speed      a statement is prepared once and kept; there are some dozens of texts.
// Threads    one at a time.
// Owns       its statements: the connection outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/security/permissions.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::auth {

struct UserRow {
  std::string id, tenant, name;
  std::string password;  ///< Encoded; empty: none, so that only keys let this user in.
  std::vector<std::string> roles;
  bool disabled = false;
  std::int64_t created_us = 0;
  bool operator==(const UserRow&) const = default;
};

struct RoleRow {
  std::string tenant, name;
  std::vector<security::Grant> grants;
  bool operator==(const RoleRow&) const = default;
};

struct KeyRow {
  std::string id, tenant, user, name;
  std::string digest, old_digest;  ///< The old one is good until old_until_us.
  std::int64_t old_until_us = 0;
  std::optional<std::vector<security::Grant>> scope;  ///< Nothing: all that its user may.
  std::int64_t created_us = 0, expires_us = 0, revoked_us = 0;
  bool operator==(const KeyRow&) const = default;
};

struct SessionRow {
  std::string id, tenant, user;
  std::int64_t created_us = 0, expires_us = 0, revoked_us = 0;
  bool operator==(const SessionRow&) const = default;
};

struct RefreshRow {
  std::string digest, session;
  std::int64_t used_us = 0;
};

struct SigningKeyRow {
  std::string seed;
  std::int64_t created_us = 0;
};

struct AuditEntry {
  std::int64_t seq = 0, at_us = 0;
  std::string tenant, actor, action, target, outcome, address, request_id, detail;
};

struct AuditQuery {
  std::optional<std::string> tenant, actor, action, outcome;
  std::int64_t before_seq = 0;  ///< 0: from the newest.
  std::size_t limit = 100;
};

class AuthRows {
 public:
  explicit AuthRows(SqliteDb& db) : db_(db) {}

  Result<std::optional<UserRow>> FindUser(std::string_view id);
  Result<std::optional<UserRow>> FindUserByName(std::string_view tenant, std::string_view name);
  /// In order of their names, behind `after`.
  Result<std::vector<UserRow>> ListUsers(std::string_view tenant, std::string_view after,
                                         std::size_t limit);
  Result<std::int64_t> CountUsers(std::string_view tenant);
  Result<bool> HasUsers();
  Status PutUser(const UserRow& user);
  Status DeleteUser(std::string_view id);

  Result<std::optional<RoleRow>> FindRole(std::string_view tenant, std::string_view name);
  Result<std::vector<RoleRow>> ListRoles(std::string_view tenant);
  Result<std::int64_t> CountRoles(std::string_view tenant);
  Status PutRole(const RoleRow& role);
  Status DeleteRole(std::string_view tenant, std::string_view name);
  Result<bool> IsRoleUsed(std::string_view tenant, std::string_view name);

  Result<std::optional<KeyRow>> FindKey(std::string_view id);
  /// Of one user, or of all of the tenant, in order of their ids, behind `after`.
  Result<std::vector<KeyRow>> ListKeys(std::string_view tenant,
                                       const std::optional<std::string>& user,
                                       std::string_view after, std::size_t limit);
  /// Of a user, those that are neither revoked nor past their end.
  Result<std::int64_t> CountLiveKeys(std::string_view user, std::int64_t now_us);
  Status DropKeys(std::int64_t ended_before_us);
  Status PutKey(const KeyRow& key);
  Status RevokeKeysOf(std::string_view user, std::int64_t now_us);

  Result<std::optional<SessionRow>> FindSession(std::string_view id);
  Status PutSession(const SessionRow& session);
  Status RevokeSessionsOf(std::string_view user, std::int64_t now_us);
  /// Those that ended before, with their refresh tokens.
  Status DropSessions(std::int64_t ended_before_us);
  Result<std::optional<RefreshRow>> FindRefresh(std::string_view digest);
  Status PutRefresh(const RefreshRow& refresh);

  /// The newest first.
  Result<std::vector<SigningKeyRow>> ListSigningKeys();
  Status PutSigningKey(const SigningKeyRow& key);
  Status DropSigningKeys(std::int64_t created_before_us);

  /// Users, roles, keys and sessions of a tenant; false when it had none. What the audit log has of
  /// it goes on under the name `audit_name`.
  Result<bool> DropTenant(std::string_view tenant, std::string_view audit_name);
  /// Whether somebody who is an operator can come in, by a password or a whole key without an end.
  Result<bool> HasOperatorWhoComesIn();

  Status AddAudit(const AuditEntry& entry);
  /// The newest first.
  Result<std::vector<AuditEntry>> ListAudit(const AuditQuery& query);
  Status DropAudit(std::int64_t before_us);

 private:
  template <typename Row, typename Bind, typename Read>
  Result<std::vector<Row>> Select(std::string_view sql, const Bind& bind, const Read& read);
  template <typename Bind>
  Status Change(std::string_view sql, const Bind& bind);
  template <typename Bind>
  Result<std::int64_t> Count(std::string_view sql, const Bind& bind);
  Result<SqliteStatement*> Prepared(std::string_view sql);

  SqliteDb& db_;
  std::map<std::string, SqliteStatement, std::less<>> statements_;  // By their text.
};

}  // namespace granary::auth
