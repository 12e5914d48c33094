#include "granary/auth/auth_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace granary::auth {
namespace {

using security::Grant;

std::string ColumnText(const SqliteStatement& row, int column) {
  return std::string(row.bytes(column));
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string Joined(const std::vector<Grant>& grants) {
  std::string out;
  for (const Grant& grant : grants) {
    if (!out.empty()) out.push_back(' ');
    out.append(FormatGrant(grant));
  }
  return out;
}

Result<std::vector<Grant>> ReadGrants(std::string_view text) {
  std::vector<Grant> grants;
  for (const std::string& word : Words(text)) {
    auto grant = security::ParseGrant(word);
    if (!grant) return Status::Corruption("a stored grant is none");
    grants.push_back(std::move(*grant));
  }
  return grants;
}

constexpr std::string_view kUserColumns = "id,tenant,name,password,roles,disabled,created_us";
constexpr std::string_view kKeyColumns =
    "id,tenant,user,name,digest,old_digest,old_until_us,is_scoped,scope,created_us,expires_us,"
    "revoked_us";
constexpr std::string_view kSessionColumns = "id,tenant,user,created_us,expires_us,revoked_us";

Result<UserRow> ReadUser(const SqliteStatement& row) {
  return UserRow{.id = ColumnText(row, 0),
                 .tenant = ColumnText(row, 1),
                 .name = ColumnText(row, 2),
                 .password = ColumnText(row, 3),
                 .roles = Words(row.bytes(4)),
                 .disabled = row.integer(5) != 0,
                 .created_us = row.integer(6)};
}

Result<RoleRow> ReadRole(const SqliteStatement& row) {
  RoleRow role{ColumnText(row, 0), ColumnText(row, 1), {}};
  GRANARY_ASSIGN(role.grants, ReadGrants(row.bytes(2)));
  return role;
}

Result<KeyRow> ReadKey(const SqliteStatement& row) {
  KeyRow key{.id = ColumnText(row, 0),
             .tenant = ColumnText(row, 1),
             .user = ColumnText(row, 2),
             .name = ColumnText(row, 3),
             .digest = ColumnText(row, 4),
             .old_digest = ColumnText(row, 5),
             .old_until_us = row.integer(6),
             .scope = {},
             .created_us = row.integer(9),
             .expires_us = row.integer(10),
             .revoked_us = row.integer(11)};
  if (row.integer(7) != 0) {
    GRANARY_ASSIGN(key.scope, ReadGrants(row.bytes(8)));
  }
  return key;
}

Result<SessionRow> ReadSession(const SqliteStatement& row) {
  return SessionRow{ColumnText(row, 0), ColumnText(row, 1), ColumnText(row, 2),
                    row.integer(3),     row.integer(4),     row.integer(5)};
}

Result<AuditEntry> ReadAudit(const SqliteStatement& row) {
  return AuditEntry{.seq = row.integer(0),
                    .at_us = row.integer(1),
                    .tenant = ColumnText(row, 2),
                    .actor = ColumnText(row, 3),
                    .action = ColumnText(row, 4),
                    .target = ColumnText(row, 5),
                    .outcome = ColumnText(row, 6),
                    .address = ColumnText(row, 7),
                    .request_id = ColumnText(row, 8),
                    .detail = ColumnText(row, 9)};
}

template <typename Row>
Result<std::optional<Row>> FirstOf(Result<std::vector<Row>> rows) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::optional<Row>();
  return std::optional<Row>(std::move(rows->front()));
}

// A statement that is not at its end keeps the snapshot that it reads.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(SqliteStatement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.Reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  SqliteStatement& statement_;
};

}  // namespace

Result<SqliteStatement*> AuthRows::Prepared(std::string_view sql) {
  if (const auto kept = statements_.find(sql); kept != statements_.end()) return &kept->second;
  GRANARY_ASSIGN(SqliteStatement statement, db_.Prepare(sql));
  return &statements_.emplace(std::string(sql), std::move(statement)).first->second;
}

template <typename Row, typename Bind, typename Read>
Result<std::vector<Row>> AuthRows::Select(std::string_view sql, const Bind& bind,
                                          const Read& read) {
  GRANARY_ASSIGN(SqliteStatement * statement, Prepared(sql));
  const ResetAtEnd reset(*statement);
  bind(*statement);
  std::vector<Row> rows;
  for (;;) {
    GRANARY_ASSIGN(const bool more, statement->Step());
    if (!more) return rows;
    Result<Row> row = read(*statement);
    if (!row.ok()) return row.status().At(db_.path());
    rows.push_back(row.Take());
  }
}

template <typename Bind>
Status AuthRows::Change(std::string_view sql, const Bind& bind) {
  GRANARY_ASSIGN(SqliteStatement * statement, Prepared(sql));
  const ResetAtEnd reset(*statement);
  bind(*statement);
  return statement->Run();
}

template <typename Bind>
Result<std::int64_t> AuthRows::Count(std::string_view sql, const Bind& bind) {
  GRANARY_ASSIGN(SqliteStatement * statement, Prepared(sql));
  const ResetAtEnd reset(*statement);
  bind(*statement);
  GRANARY_TRY(statement->Step().status());
  return statement->integer(0);
}

Result<std::optional<UserRow>> AuthRows::FindUser(std::string_view id) {
  return FirstOf(Select<UserRow>(
      fmt::format("SELECT {} FROM users WHERE id=?", kUserColumns), [&](auto& s) { s.Text(1, id); },
      ReadUser));
}

Result<std::optional<UserRow>> AuthRows::FindUserByName(std::string_view tenant,
                                                        std::string_view name) {
  return FirstOf(Select<UserRow>(
      fmt::format("SELECT {} FROM users WHERE tenant=? AND name=?", kUserColumns),
      [&](auto& s) { s.Text(1, tenant).Text(2, name); }, ReadUser));
}

Result<std::vector<UserRow>> AuthRows::ListUsers(std::string_view tenant, std::string_view after,
                                                 std::size_t limit) {
  return Select<UserRow>(
      fmt::format("SELECT {} FROM users WHERE tenant=? AND name>? ORDER BY name LIMIT ?",
                  kUserColumns),
      [&](auto& s) {
        s.Text(1, tenant).Text(2, after).Integer(3, static_cast<std::int64_t>(limit));
      },
      ReadUser);
}

Result<std::int64_t> AuthRows::CountUsers(std::string_view tenant) {
  return Count("SELECT count(*) FROM users WHERE tenant=?",
               [&](SqliteStatement& s) { s.Text(1, tenant); });
}

Result<bool> AuthRows::HasUsers() {
  GRANARY_ASSIGN(const std::int64_t any, db_.QueryInteger("SELECT EXISTS (SELECT 1 FROM users)"));
  return any != 0;
}

Status AuthRows::PutUser(const UserRow& user) {
  const std::string roles = fmt::format("{}", fmt::join(user.roles, " "));
  return Change(
      fmt::format("INSERT INTO users ({}) VALUES (?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
                  "password=excluded.password, roles=excluded.roles, disabled=excluded.disabled",
                  kUserColumns),
      [&](auto& s) {
        s.Text(1, user.id).Text(2, user.tenant).Text(3, user.name).Text(4, user.password);
        s.Text(5, roles).Integer(6, user.disabled ? 1 : 0).Integer(7, user.created_us);
      });
}

Status AuthRows::DeleteUser(std::string_view id) {
  return Change("DELETE FROM users WHERE id=?", [&](auto& s) { s.Text(1, id); });
}

Result<std::optional<RoleRow>> AuthRows::FindRole(std::string_view tenant, std::string_view name) {
  return FirstOf(Select<RoleRow>(
      "SELECT tenant,name,grants FROM roles WHERE tenant=? AND name=?",
      [&](auto& s) { s.Text(1, tenant).Text(2, name); }, ReadRole));
}

Result<std::vector<RoleRow>> AuthRows::ListRoles(std::string_view tenant) {
  return Select<RoleRow>(
      "SELECT tenant,name,grants FROM roles WHERE tenant=? ORDER BY name",
      [&](auto& s) { s.Text(1, tenant); }, ReadRole);
}

Result<std::int64_t> AuthRows::CountRoles(std::string_view tenant) {
  return Count("SELECT count(*) FROM roles WHERE tenant=?",
               [&](SqliteStatement& s) { s.Text(1, tenant); });
}

Status AuthRows::PutRole(const RoleRow& role) {
  const std::string grants = Joined(role.grants);
  return Change("INSERT OR REPLACE INTO roles (tenant,name,grants) VALUES (?,?,?)",
                [&](auto& s) { s.Text(1, role.tenant).Text(2, role.name).Text(3, grants); });
}

Status AuthRows::DeleteRole(std::string_view tenant, std::string_view name) {
  return Change("DELETE FROM roles WHERE tenant=? AND name=?",
                [&](auto& s) { s.Text(1, tenant).Text(2, name); });
}

Result<bool> AuthRows::IsRoleUsed(std::string_view tenant, std::string_view name) {
  GRANARY_ASSIGN(const std::int64_t any,
                 Count("SELECT EXISTS (SELECT 1 FROM users WHERE tenant=? AND "
                       "instr(' '||roles||' ', ' '||?||' ') > 0)",
                       [&](SqliteStatement& s) { s.Text(1, tenant).Text(2, name); }));
  return any != 0;
}

Result<std::optional<KeyRow>> AuthRows::FindKey(std::string_view id) {
  return FirstOf(Select<KeyRow>(
      fmt::format("SELECT {} FROM keys WHERE id=?", kKeyColumns), [&](auto& s) { s.Text(1, id); },
      ReadKey));
}

Result<std::vector<KeyRow>> AuthRows::ListKeys(std::string_view tenant,
                                               const std::optional<std::string>& user,
                                               std::string_view after, std::size_t limit) {
  return Select<KeyRow>(
      fmt::format("SELECT {} FROM keys WHERE tenant=? AND id>?{} ORDER BY id LIMIT ?", kKeyColumns,
                  user ? " AND user=?" : ""),
      [&](auto& s) {
        int position = 0;
        s.Text(++position, tenant);
        s.Text(++position, after);
        if (user) s.Text(++position, *user);
        s.Integer(++position, static_cast<std::int64_t>(limit));
      },
      ReadKey);
}

Result<std::int64_t> AuthRows::CountLiveKeys(std::string_view user, std::int64_t now_us) {
  return Count(
      "SELECT count(*) FROM keys WHERE user=? AND revoked_us=0 AND (expires_us=0 OR expires_us>?)",
      [&](SqliteStatement& s) { s.Text(1, user).Integer(2, now_us); });
}

Status AuthRows::DropKeys(std::int64_t ended_before_us) {
  return Change(
      "DELETE FROM keys WHERE (revoked_us>0 AND revoked_us<?) OR (expires_us>0 AND expires_us<?)",
      [&](auto& s) { s.Integer(1, ended_before_us).Integer(2, ended_before_us); });
}

Status AuthRows::PutKey(const KeyRow& key) {
  const std::string scope = key.scope ? Joined(*key.scope) : std::string();
  return Change(
      fmt::format("INSERT OR REPLACE INTO keys ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", kKeyColumns),
      [&](auto& s) {
        s.Text(1, key.id).Text(2, key.tenant).Text(3, key.user).Text(4, key.name);
        s.Blob(5, key.digest).Blob(6, key.old_digest).Integer(7, key.old_until_us);
        s.Integer(8, key.scope ? 1 : 0).Text(9, scope).Integer(10, key.created_us);
        s.Integer(11, key.expires_us).Integer(12, key.revoked_us);
      });
}

Status AuthRows::RevokeKeysOf(std::string_view user, std::int64_t now_us) {
  return Change("UPDATE keys SET revoked_us=? WHERE user=? AND revoked_us=0",
                [&](auto& s) { s.Integer(1, now_us).Text(2, user); });
}

Result<std::optional<SessionRow>> AuthRows::FindSession(std::string_view id) {
  return FirstOf(Select<SessionRow>(
      fmt::format("SELECT {} FROM sessions WHERE id=?", kSessionColumns),
      [&](auto& s) { s.Text(1, id); }, ReadSession));
}

Status AuthRows::PutSession(const SessionRow& session) {
  return Change(
      fmt::format("INSERT OR REPLACE INTO sessions ({}) VALUES (?,?,?,?,?,?)", kSessionColumns),
      [&](auto& s) {
        s.Text(1, session.id).Text(2, session.tenant).Text(3, session.user);
        s.Integer(4, session.created_us).Integer(5, session.expires_us);
        s.Integer(6, session.revoked_us);
      });
}

Status AuthRows::RevokeSessionsOf(std::string_view user, std::int64_t now_us) {
  return Change("UPDATE sessions SET revoked_us=? WHERE user=? AND revoked_us=0",
                [&](auto& s) { s.Integer(1, now_us).Text(2, user); });
}

Status AuthRows::DropSessions(std::int64_t ended_before_us) {
  GRANARY_TRY(
      Change("DELETE FROM refresh_tokens WHERE session IN "
             "(SELECT id FROM sessions WHERE expires_us<?)",
             [&](auto& s) { s.Integer(1, ended_before_us); }));
  return Change("DELETE FROM sessions WHERE expires_us<?",
                [&](auto& s) { s.Integer(1, ended_before_us); });
}

Result<std::optional<RefreshRow>> AuthRows::FindRefresh(std::string_view digest) {
  const auto read = [](const SqliteStatement& row) -> Result<RefreshRow> {
    return RefreshRow{ColumnText(row, 0), ColumnText(row, 1), row.integer(2)};
  };
  return FirstOf(Select<RefreshRow>(
      "SELECT digest,session,used_us FROM refresh_tokens WHERE digest=?",
      [&](auto& s) { s.Blob(1, digest); }, read));
}

Status AuthRows::PutRefresh(const RefreshRow& refresh) {
  return Change("INSERT OR REPLACE INTO refresh_tokens (digest,session,used_us) VALUES (?,?,?)",
                [&](auto& s) {
                  s.Blob(1, refresh.digest).Text(2, refresh.session).Integer(3, refresh.used_us);
                });
}

Result<std::vector<SigningKeyRow>> AuthRows::ListSigningKeys() {
  return Select<SigningKeyRow>(
      "SELECT seed,created_us FROM signing_keys ORDER BY created_us DESC", [](auto&) {},
      [](const SqliteStatement& row) -> Result<SigningKeyRow> {
        return SigningKeyRow{ColumnText(row, 0), row.integer(1)};
      });
}

Status AuthRows::PutSigningKey(const SigningKeyRow& key) {
  return Change("INSERT INTO signing_keys (seed,created_us) VALUES (?,?)",
                [&](auto& s) { s.Blob(1, key.seed).Integer(2, key.created_us); });
}

Status AuthRows::DropSigningKeys(std::int64_t created_before_us) {
  return Change("DELETE FROM signing_keys WHERE created_us<?",
                [&](auto& s) { s.Integer(1, created_before_us); });
}

Result<bool> AuthRows::DropTenant(std::string_view tenant, std::string_view audit_name) {
  const auto of = [&](SqliteStatement& s) { s.Text(1, tenant); };
  GRANARY_ASSIGN(const std::int64_t any,
                 Count("SELECT EXISTS (SELECT 1 FROM users WHERE tenant=?1) + "
                       "EXISTS (SELECT 1 FROM roles WHERE tenant=?1)",
                       of));
  GRANARY_TRY(
      Change("DELETE FROM refresh_tokens WHERE session IN "
             "(SELECT id FROM sessions WHERE tenant=?)",
             of));
  for (const std::string_view table : {"sessions", "keys", "roles", "users"})
    GRANARY_TRY(Change(fmt::format("DELETE FROM {} WHERE tenant=?", table), of));
  GRANARY_TRY(Change("UPDATE audit SET tenant=? WHERE tenant=?",
                     [&](auto& s) { s.Text(1, audit_name).Text(2, tenant); }));
  return any != 0;
}

Result<bool> AuthRows::HasOperatorWhoComesIn() {
  GRANARY_ASSIGN(const std::int64_t any,
                 db_.QueryInteger(
                     "SELECT EXISTS (SELECT 1 FROM users WHERE disabled=0 AND "
                     "instr(' '||roles||' ', ' operator ') > 0 AND (password<>'' OR EXISTS (SELECT "
                     "1 FROM keys WHERE keys.user=users.id AND revoked_us=0 AND expires_us=0 AND "
                     "is_scoped=0)))"));
  return any != 0;
}

Status AuthRows::AddAudit(const AuditEntry& entry) {
  return Change(
      "INSERT INTO audit (at_us,tenant,actor,action,target,outcome,address,request_id,detail) "
      "VALUES (?,?,?,?,?,?,?,?,?)",
      [&](auto& s) {
        s.Integer(1, entry.at_us).Text(2, entry.tenant).Text(3, entry.actor);
        s.Text(4, entry.action).Text(5, entry.target).Text(6, entry.outcome);
        s.Text(7, entry.address).Text(8, entry.request_id).Text(9, entry.detail);
      });
}

Result<std::vector<AuditEntry>> AuthRows::ListAudit(const AuditQuery& query) {
  std::string sql =
      "SELECT seq,at_us,tenant,actor,action,target,outcome,address,request_id,detail FROM audit "
      "WHERE 1";
  std::vector<std::string_view> values;
  const auto equals = [&](std::string_view column, const std::optional<std::string>& value) {
    if (!value) return;
    sql += fmt::format(" AND {}=?", column);
    values.push_back(*value);
  };
  equals("tenant", query.tenant);
  equals("actor", query.actor);
  equals("action", query.action);
  equals("outcome", query.outcome);
  if (query.before_seq > 0) sql += " AND seq<?";
  sql += " ORDER BY seq DESC LIMIT ?";
  return Select<AuditEntry>(
      sql,
      [&](auto& s) {
        int position = 0;
        for (const std::string_view value : values) s.Text(++position, value);
        if (query.before_seq > 0) s.Integer(++position, query.before_seq);
        s.Integer(++position, static_cast<std::int64_t>(query.limit));
      },
      ReadAudit);
}

Status AuthRows::DropAudit(std::int64_t before_us) {
  return Change("DELETE FROM audit WHERE at_us<?", [&](auto& s) { s.Integer(1, before_us); });
}

}  // namespace granary::auth
