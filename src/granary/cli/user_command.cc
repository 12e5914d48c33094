#include "granary/cli/user_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/cli/secret_input.h"
#include "granary/cli/text_table.h"
#include "granary/cli/variables.h"
#include "granary/services/auth_gateway/recover.h"

namespace granary::cli {
namespace {

using simdjson::dom::element;

constexpr std::string_view kIdPrefix = "u_";

std::string ListTarget(const std::string& tenant) {
  std::string target = "/auth/users?limit=1000";
  if (!tenant.empty()) target += "&tenant_id=" + PathSegment(tenant);
  return target;
}

void AppendTexts(const std::vector<std::string>& texts, std::string& out) {
  api::AppendList(texts, out, [&out](const std::string& text) { json::AppendString(text, out); });
}

std::string UserState(const element& user) {
  if (MemberText(user, "disabled") == "true") return "disabled";
  return MemberText(user, "has_password") == "true" ? "active" : "keys only";
}

Status Print(const UserOptions& options, const std::string& answer) {
  if (options.as_json()) {
    PrintText(PrettyJson(answer) + "\n");
    return Status::Ok();
  }
  simdjson::dom::parser parser;
  GRANARY_ASSIGN(const element user, ParseAnswer(parser, answer));
  PrintText(fmt::format("{}  {} of {}, {}: {}\n", MemberText(user, "user_id"),
                        MemberText(user, "username"), MemberText(user, "tenant_id"),
                        UserState(user), MemberTexts(user, "roles")));
  return Status::Ok();
}

// PATCH with a body of one member, which `append` writes.
template <typename Append>
Status Change(const UserOptions& options, std::string_view member, const Append& append) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  GRANARY_ASSIGN(const std::string id, FindUser(client, options.user, options.tenant));
  std::string body;
  api::JsonObject object(body);
  GRANARY_TRY(append(client, id, object.Key(member)));
  object.Close();
  GRANARY_ASSIGN(const std::string answer,
                 client.Call("PATCH", "/auth/users/" + PathSegment(id), body));
  return Print(options, answer);
}

// The roles that a user has, for commands that say what is to be more or less.
Result<std::vector<std::string>> RolesOf(AccountClient& client, const std::string& id) {
  GRANARY_ASSIGN(const std::string answer, client.Call("GET", "/auth/users/" + PathSegment(id)));
  simdjson::dom::parser parser;
  GRANARY_ASSIGN(const element user, ParseAnswer(parser, answer));
  simdjson::dom::array roles;
  std::vector<std::string> out;
  if (user["roles"].get(roles) != simdjson::SUCCESS) return out;
  for (const element role : roles) {
    std::string_view name;
    if (role.get(name) == simdjson::SUCCESS) out.emplace_back(name);
  }
  return out;
}

Status SetDisabled(const UserOptions& options, bool disabled) {
  return Change(options, "disabled",
                [disabled](AccountClient&, const std::string&, std::string& out) {
                  out.append(disabled ? "true" : "false");
                  return Status::Ok();
                });
}

}  // namespace

Result<std::string> FindUser(AccountClient& client, const std::string& user,
                             const std::string& tenant) {
  if (user.starts_with(kIdPrefix)) return user;
  std::string id;
  GRANARY_TRY(client.ForEach(ListTarget(tenant), "users", [&](const element& one) {
    if (MemberText(one, "username") == user) id = MemberText(one, "user_id");
    return Status::Ok();
  }));
  if (!id.empty()) return id;
  return Status(Code::kNotFound, fmt::format("there is no user '{}'", user));
}

Status ListUsers(const UserOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  TextTable table({"user", "name", "tenant", "state", "roles", "created"});
  std::string lines;
  GRANARY_TRY(client.ForEach(ListTarget(options.tenant), "users", [&](const element& user) {
    table.Add({MemberText(user, "user_id"), MemberText(user, "username"),
               MemberText(user, "tenant_id"), UserState(user), MemberTexts(user, "roles"),
               MemberText(user, "created_at")});
    lines += (lines.empty() ? "" : ",") + std::string(simdjson::minify(user));
    return Status::Ok();
  }));
  PrintText(options.as_json() ? PrettyJson("[" + lines + "]") + "\n" : table.ToString());
  return Status::Ok();
}

Status ShowUser(const UserOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  GRANARY_ASSIGN(const std::string id, FindUser(client, options.user, options.tenant));
  GRANARY_ASSIGN(const std::string user, client.Call("GET", "/auth/users/" + PathSegment(id)));
  GRANARY_TRY(Print(options, user));
  if (options.as_json()) return Status::Ok();
  GRANARY_ASSIGN(const std::string rights,
                 client.Call("GET", "/auth/permissions/" + PathSegment(id)));
  simdjson::dom::parser parser;
  GRANARY_ASSIGN(const element permissions, ParseAnswer(parser, rights));
  PrintText(fmt::format("  may {}\n", MemberGrants(permissions, "grants", "")));
  return Status::Ok();
}

Status CreateUser(const UserOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  std::string body;
  api::JsonObject object(body);
  object.Add("username", std::string_view(options.user));
  if (!options.tenant.empty()) object.Add("tenant_id", std::string_view(options.tenant));
  if (!options.roles.empty()) AppendTexts(options.roles, object.Key("roles"));
  if (options.with_password) {
    GRANARY_ASSIGN(const std::string password, ReadNewPassword(options.user));
    object.Add("password", std::string_view(password));
  }
  object.Close();
  GRANARY_ASSIGN(const std::string answer, client.Call("POST", "/auth/users", body));
  return Print(options, answer);
}

Status SetPassword(const UserOptions& options) {
  return Change(options, "password",
                [&options](AccountClient&, const std::string&, std::string& out) {
                  GRANARY_ASSIGN(const std::string password, ReadNewPassword(options.user));
                  json::AppendString(password, out);
                  return Status::Ok();
                });
}

Status GrantRoles(const UserOptions& options) {
  return Change(options, "roles",
                [&options](AccountClient& client, const std::string& id, std::string& out) {
                  GRANARY_ASSIGN(std::vector<std::string> roles, RolesOf(client, id));
                  for (const std::string& role : options.roles)
                    if (std::ranges::find(roles, role) == roles.end()) roles.push_back(role);
                  AppendTexts(roles, out);
                  return Status::Ok();
                });
}

Status RevokeRoles(const UserOptions& options) {
  return Change(options, "roles",
                [&options](AccountClient& client, const std::string& id, std::string& out) {
                  GRANARY_ASSIGN(std::vector<std::string> roles, RolesOf(client, id));
                  std::erase_if(roles, [&options](const std::string& role) {
                    return std::ranges::find(options.roles, role) != options.roles.end();
                  });
                  AppendTexts(roles, out);
                  return Status::Ok();
                });
}

Status DisableUser(const UserOptions& options) { return SetDisabled(options, true); }
Status EnableUser(const UserOptions& options) { return SetDisabled(options, false); }

Status DeleteUser(const UserOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  GRANARY_ASSIGN(const std::string id, FindUser(client, options.user, options.tenant));
  return client.Call("DELETE", "/auth/users/" + PathSegment(id)).status();
}

Status RecoverOperator(const hosting::ConfigFlags& flags) {
  GRANARY_ASSIGN(const hosting::ConfigSources sources, hosting::ReadSources(flags, KnowsVariable));
  GRANARY_ASSIGN(const std::string key, gateway::MakeRecoveryKey(sources));
  PrintText(key + "\n");
  return Status::Ok();
}

}  // namespace granary::cli
