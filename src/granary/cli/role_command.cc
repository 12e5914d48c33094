#include "granary/cli/role_command.h"

#include <optional>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/cli/grant_text.h"
#include "granary/cli/text_table.h"

namespace granary::cli {
namespace {

using simdjson::dom::element;

std::string WithTenant(std::string target, const RoleOptions& options) {
  if (!options.tenant.empty()) target += "?tenant_id=" + PathSegment(options.tenant);
  return target;
}

std::string PathOf(const RoleOptions& options) {
  return "/auth/roles/" + PathSegment(options.role);
}

std::vector<GrantText> GrantsOf(const element& role) {
  std::vector<GrantText> out;
  simdjson::dom::array grants;
  if (role["grants"].get(grants) != simdjson::SUCCESS) return out;
  for (const element grant : grants) {
    GrantText one{.verbs = {}, .source = MemberText(grant, "source")};
    simdjson::dom::array verbs;
    if (grant["verbs"].get(verbs) != simdjson::SUCCESS) continue;
    for (const element verb : verbs) {
      std::string_view name;
      if (verb.get(name) == simdjson::SUCCESS) one.verbs.emplace_back(name);
    }
    out.push_back(std::move(one));
  }
  return out;
}

// Nothing when there is no such role. Its list is one page.
Result<std::optional<std::vector<GrantText>>> FindRole(AccountClient& client,
                                                       const RoleOptions& options) {
  std::optional<std::vector<GrantText>> found;
  const std::string target = WithTenant("/auth/roles", options);
  GRANARY_TRY(client.ForEach(target, "roles", [&](const element& role) {
    if (MemberText(role, "role") == options.role) found = GrantsOf(role);
    return Status::Ok();
  }));
  return found;
}

Result<std::vector<GrantText>> NeedRole(AccountClient& client, const RoleOptions& options) {
  GRANARY_ASSIGN(auto found, FindRole(client, options));
  if (found) return std::move(*found);
  return Status(Code::kNotFound, fmt::format("there is no role '{}'", options.role));
}

Status Print(const RoleOptions& options, const std::string& answer) {
  if (options.as_json()) {
    PrintText(PrettyJson(answer) + "\n");
    return Status::Ok();
  }
  simdjson::dom::parser parser;
  GRANARY_ASSIGN(const element role, ParseAnswer(parser, answer));
  PrintText(fmt::format("{} of {} may {}\n", MemberText(role, "role"),
                        MemberText(role, "tenant_id"), MemberGrants(role, "grants", "")));
  return Status::Ok();
}

Status Put(AccountClient& client, const RoleOptions& options,
           const std::vector<GrantText>& grants) {
  std::string body;
  api::JsonObject object(body);
  if (!options.tenant.empty()) object.Add("tenant_id", std::string_view(options.tenant));
  AppendGrantsJson(grants, object.Key("grants"));
  object.Close();
  GRANARY_ASSIGN(const std::string answer, client.Call("PUT", PathOf(options), body));
  return Print(options, answer);
}

// What a role may becomes what `change` makes of it.
template <typename ChangeFn>
Status ChangeRole(const RoleOptions& options, const ChangeFn& change) {
  GRANARY_ASSIGN(const std::vector<GrantText> given, ParseGrantTexts(options.grants));
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  GRANARY_ASSIGN(std::vector<GrantText> grants, NeedRole(client, options));
  change(given, grants);
  return Put(client, options, grants);
}

}  // namespace

Status ListRoles(const RoleOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  TextTable table({"role", "tenant", "may"});
  std::string lines;
  GRANARY_TRY(client.ForEach(WithTenant("/auth/roles", options), "roles", [&](const element& role) {
    table.Add({MemberText(role, "role"), MemberText(role, "tenant_id"),
               MemberGrants(role, "grants", "")});
    lines += (lines.empty() ? "" : ",") + std::string(simdjson::minify(role));
    return Status::Ok();
  }));
  PrintText(options.as_json() ? PrettyJson("[" + lines + "]") + "\n" : table.ToString());
  return Status::Ok();
}

Status ShowRole(const RoleOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  GRANARY_ASSIGN(const std::vector<GrantText> grants, NeedRole(client, options));
  std::string lines;
  for (const GrantText& grant : grants) lines += ToText(grant) + "\n";
  if (!options.as_json()) {
    PrintText(lines);
    return Status::Ok();
  }
  std::string out;
  AppendGrantsJson(grants, out);
  PrintText(PrettyJson(out) + "\n");
  return Status::Ok();
}

Status CreateRole(const RoleOptions& options) {
  GRANARY_ASSIGN(const std::vector<GrantText> grants, ParseGrantTexts(options.grants));
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  GRANARY_ASSIGN(const auto found, FindRole(client, options));
  if (found) {
    return Status(Code::kConflict,
                  fmt::format("there is a role '{}': granary role grant and role revoke change it",
                              options.role));
  }
  return Put(client, options, grants);
}

Status GrantToRole(const RoleOptions& options) { return ChangeRole(options, AddGrants); }
Status RevokeFromRole(const RoleOptions& options) { return ChangeRole(options, RemoveGrants); }

Status DeleteRole(const RoleOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  return client.Call("DELETE", WithTenant(PathOf(options), options)).status();
}

}  // namespace granary::cli
