// Users and roles.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "granary/auth/authority.h"
#include "granary/auth/authority_state.h"
#include "granary/auth/built_in_roles.h"
#include "granary/base/ids.h"
#include "granary/base/utf8.h"
#include "granary/security/password_hash.h"

namespace granary::auth {

using security::Grant;

Result<std::string> Authority::State::AdministeredTenant(const Act& act,
                                                         const std::optional<std::string>& wanted) {
  if (!IsTenantAdmin(act.who)) return NotAnAdmin();
  if (!wanted || *wanted == act.who.tenant) return act.who.tenant;
  if (!act.who.is_operator) {
    return Status(Code::kPermissionDenied,
                  "only an operator administers other tenants: leave tenant_id out");
  }
  GRANARY_ASSIGN(const TenantId id, TenantId::Parse(*wanted));
  return id.str();
}

Result<UserRow> Authority::State::VisibleUser(AuthRows& rows, const Act& act, std::string_view id) {
  // Refused before it is known whether there is one.
  if (id != act.who.user_id && !IsTenantAdmin(act.who)) return NotAnAdmin();
  GRANARY_ASSIGN(auto user, rows.FindUser(id));
  if (!user || (user->tenant != act.who.tenant && !act.who.is_operator)) return NoSuchUser(id);
  return std::move(*user);
}

Status Authority::State::CheckRoles(AuthRows& rows, const Act& act, const std::string& tenant,
                                    const std::vector<std::string>& roles) {
  std::size_t grants = 0;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    const std::string pointer = fmt::format("/roles/{}", i);
    if (std::ranges::count(roles, roles[i]) > 1)
      return Status::Invalid(Code::kInvalidRequest, pointer, "the same role twice");
    if (roles[i] == kOperatorRole && !act.who.is_operator) {
      return {Code::kPermissionDenied, "only an operator makes operators"};
    }
    if (const auto built_in = GrantsOfBuiltIn(roles[i])) {
      grants += built_in->size();
      continue;
    }
    GRANARY_ASSIGN(const auto role, rows.FindRole(tenant, roles[i]));
    if (!role) {
      return Status::Invalid(Code::kInvalidRequest, pointer,
                             fmt::format("there is no role '{}'", Quotable(roles[i])));
    }
    grants += role->grants.size();
  }
  if (grants <= security::kGrantsMax) return Status::Ok();
  return Status::Invalid(Code::kTooLarge, "/roles",
                         fmt::format("more than {} grants together", security::kGrantsMax));
}

Result<bool> Authority::State::IsWhole(AuthRows& rows, const Act& act) {
  GRANARY_ASSIGN(const auto user, rows.FindUser(act.who.user_id));
  if (!user) return false;
  GRANARY_ASSIGN(const auto rights, GrantsOf(rows, *user));
  return security::Covers(act.who.grants, rights) && act.who.is_operator == IsOperator(*user);
}

// Rights that only an operator gives, only an operator takes.
Status Authority::State::CheckNoOperator(const Act& act, const UserRow& user) {
  if (!IsOperator(user) || act.who.is_operator || user.id == act.who.user_id) return Status::Ok();
  return {Code::kPermissionDenied, "only an operator administers operators"};
}

Result<UserRow> Authority::CreateUser(const Act& act, const NewUser& wanted) {
  State& state = *state_;
  GRANARY_TRY(CheckNoOldSecret(act));
  GRANARY_ASSIGN(const std::string tenant, State::AdministeredTenant(act, wanted.tenant));
  if (!IsIdentifier(wanted.name)) {
    return Status::Invalid(Code::kInvalidIdentifier, "/username",
                           std::string(InvalidIdentifier(wanted.name).message()));
  }
  UserRow user{.id = state.NewId("u_"),
               .tenant = tenant,
               .name = wanted.name,
               .password = {},
               .roles = wanted.roles,
               .disabled = false,
               .created_us = state.now_us()};
  if (wanted.password) {
    GRANARY_TRY(state.CheckNewPassword("/password", *wanted.password));
    GRANARY_ASSIGN(user.password, state.Hash(*wanted.password));
  }
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_TRY(State::CheckRoles(rows, act, tenant, user.roles));
    GRANARY_ASSIGN(const auto same, rows.FindUserByName(tenant, user.name));
    if (same) {
      return Status(Code::kConflict, fmt::format("there is a user '{}' already", user.name));
    }
    GRANARY_ASSIGN(const std::int64_t count, rows.CountUsers(tenant));
    if (static_cast<std::size_t>(count) >= state.options.users_max) {
      return Status(Code::kQuotaExceeded,
                    fmt::format("the tenant has {} users, which is the most", count));
    }
    GRANARY_TRY(rows.PutUser(user));
    return rows.AddAudit(state.Entry(act, tenant, "user.create", user.id,
                                     fmt::format("{}: {}", user.name, fmt::join(user.roles, " "))));
  }));
  return user;
}

Result<UserRow> Authority::GetUser(const Act& act, std::string_view id) {
  return state_->store->Read([&](AuthRows& rows) { return State::VisibleUser(rows, act, id); });
}

Result<std::vector<UserRow>> Authority::ListUsers(const Act& act,
                                                  const std::optional<std::string>& tenant,
                                                  std::string_view after, std::size_t limit) {
  GRANARY_ASSIGN(const std::string of, State::AdministeredTenant(act, tenant));
  return state_->store->Read([&](AuthRows& rows) { return rows.ListUsers(of, after, limit); });
}

Result<UserRow> Authority::ChangeUser(const Act& act, std::string_view id, const UserChange& change,
                                      std::int64_t& wait_s) {
  State& state = *state_;
  GRANARY_TRY(CheckNoOldSecret(act));
  GRANARY_ASSIGN(const UserRow before, GetUser(act, id));
  const bool is_self = before.id == act.who.user_id;
  if ((change.roles || change.disabled) && !IsTenantAdmin(act.who)) return NotAnAdmin();
  if (is_self && change.disabled.value_or(false))
    return Status(Code::kConflict, "nobody disables themselves: another administrator may");
  std::string password;
  if (change.password) {
    GRANARY_TRY(state.CheckNewPassword("/password", *change.password));
    GRANARY_ASSIGN(const bool whole,
                   state.store->Read([&](AuthRows& rows) { return State::IsWhole(rows, act); }));
    // A password has no end.
    if (is_self && act.who.expires_us != 0)
      return Status(Code::kPermissionDenied, "a key that expires sets no password of its user");
    if (is_self && !whole)
      return Status(Code::kPermissionDenied, "this key has not all the rights of its user");
    // A session that was left open must not be enough to take an account over.
    if (is_self && !before.password.empty()) {
      const std::string account = before.tenant + "/" + before.name;
      GRANARY_ASSIGN(
          const bool right,
          state.IsRightPassword(account, act.address, before.password,
                                change.current_password.value_or(std::string()), wait_s));
      if (!right) {
        return Status::Invalid(Code::kPermissionDenied, "/current_password",
                               "is not the password of now");
      }
      state.guard.Succeeded(account, security::AddressOwner(act.address));
    }
    GRANARY_ASSIGN(password, state.Hash(*change.password));
  }
  UserRow user;
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(user, State::VisibleUser(rows, act, id));
    GRANARY_TRY(State::CheckNoOperator(act, user));
    std::vector<std::string_view> what;
    if (change.roles) {
      GRANARY_TRY(State::CheckRoles(rows, act, user.tenant, *change.roles));
      user.roles = *change.roles;
      what.push_back("roles");
    }
    if (change.disabled) {
      user.disabled = *change.disabled;
      what.push_back(user.disabled ? "disabled" : "enabled");
    }
    if (change.password) {
      user.password = password;
      what.push_back("password");
    }
    GRANARY_TRY(State::KeepingAnOperator(rows, [&] { return rows.PutUser(user); }));
    if (change.password || user.disabled)
      GRANARY_TRY(rows.RevokeSessionsOf(user.id, state.now_us()));
    return rows.AddAudit(state.Entry(act, user.tenant, "user.change", user.id,
                                     fmt::format("{}", fmt::join(what, " "))));
  }));
  return user;
}

Status Authority::DeleteUser(const Act& act, std::string_view id) {
  State& state = *state_;
  GRANARY_TRY(CheckNoOldSecret(act));
  if (id == act.who.user_id)
    return {Code::kConflict, "nobody deletes themselves: another administrator may"};
  return state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(const UserRow user, State::VisibleUser(rows, act, id));
    GRANARY_TRY(State::CheckNoOperator(act, user));
    GRANARY_TRY(rows.RevokeSessionsOf(user.id, state.now_us()));
    GRANARY_TRY(rows.RevokeKeysOf(user.id, state.now_us()));
    GRANARY_TRY(State::KeepingAnOperator(rows, [&] { return rows.DeleteUser(user.id); }));
    return rows.AddAudit(state.Entry(act, user.tenant, "user.delete", user.id, user.name));
  });
}

Result<std::vector<Grant>> Authority::PermissionsOf(const Act& act, std::string_view user_id) {
  return state_->store->Read([&](AuthRows& rows) -> Result<std::vector<Grant>> {
    GRANARY_ASSIGN(const UserRow user, State::VisibleUser(rows, act, user_id));
    return State::GrantsOf(rows, user);
  });
}

// ---- Roles

Result<RoleRow> Authority::PutRole(const Act& act, const std::optional<std::string>& tenant,
                                   std::string_view name, std::vector<Grant> grants) {
  State& state = *state_;
  GRANARY_TRY(CheckNoOldSecret(act));
  GRANARY_ASSIGN(const std::string of, State::AdministeredTenant(act, tenant));
  if (!IsIdentifier(name)) return InvalidIdentifier(name);
  if (GrantsOfBuiltIn(name))
    return Status(Code::kConflict, fmt::format("the role '{}' is built in", name));
  if (grants.size() > security::kGrantsMax) {
    return Status::Invalid(Code::kTooLarge, "/grants",
                           fmt::format("a role has at most {} grants", security::kGrantsMax));
  }
  const RoleRow role{of, std::string(name), security::Simplified(grants)};
  GRANARY_TRY(state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(const auto before, rows.FindRole(of, role.name));
    GRANARY_ASSIGN(const std::int64_t count, rows.CountRoles(of));
    if (!before && static_cast<std::size_t>(count) >= state.options.roles_max) {
      return Status(Code::kQuotaExceeded,
                    fmt::format("the tenant has {} roles, which is the most", count));
    }
    GRANARY_TRY(rows.PutRole(role));
    std::vector<std::string> texts;
    for (const Grant& grant : role.grants) texts.push_back(security::FormatGrant(grant));
    return rows.AddAudit(
        state.Entry(act, of, "role.put", role.name, fmt::format("{}", fmt::join(texts, " "))));
  }));
  return role;
}

Result<std::vector<RoleRow>> Authority::ListRoles(const Act& act,
                                                  const std::optional<std::string>& tenant) {
  GRANARY_ASSIGN(const std::string of, State::AdministeredTenant(act, tenant));
  std::vector<RoleRow> roles;
  for (const std::string_view name : BuiltInRoles())
    roles.push_back({of, std::string(name), *GrantsOfBuiltIn(name)});
  GRANARY_ASSIGN(const auto own,
                 state_->store->Read([&](AuthRows& rows) { return rows.ListRoles(of); }));
  roles.insert(roles.end(), own.begin(), own.end());
  return roles;
}

Status Authority::DeleteRole(const Act& act, const std::optional<std::string>& tenant,
                             std::string_view name) {
  State& state = *state_;
  GRANARY_TRY(CheckNoOldSecret(act));
  GRANARY_ASSIGN(const std::string of, State::AdministeredTenant(act, tenant));
  if (GrantsOfBuiltIn(name))
    return {Code::kConflict, fmt::format("the role '{}' is built in", name)};
  return state.store->Write([&](AuthRows& rows) -> Status {
    GRANARY_ASSIGN(const auto role, rows.FindRole(of, name));
    if (!role) {
      return Status(Code::kNotFound, fmt::format("there is no role '{}'", Quotable(name)));
    }
    // Else a new role of that name would give its rights to whoever had the old one.
    GRANARY_ASSIGN(const bool used, rows.IsRoleUsed(of, name));
    if (used) {
      return Status(Code::kConflict,
                    fmt::format("users have the role '{}': take it from them first", name));
    }
    GRANARY_TRY(rows.DeleteRole(of, name));
    return rows.AddAudit(state.Entry(act, of, "role.delete", std::string(name)));
  });
}

}  // namespace granary::auth
