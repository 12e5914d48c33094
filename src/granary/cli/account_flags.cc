#include "granary/cli/account_flags.h"

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "granary/cli/key_command.h"
#include "granary/cli/role_command.h"
#include "granary/cli/user_command.h"
#include "granary/hosting/config_flags.h"

namespace granary::cli {
namespace {

using ReportFn = std::function<void(const Status& status)>;

constexpr const char* kGrantHelp =
    "VERBS:SOURCE, such as read,write:sales_* or admin:*; repeatable";
constexpr const char* kTenantHelp = "The tenant; the key's own when not given";

// One verb of a noun, with the flags that all of them have.
template <typename Options>
CLI::App* AddVerb(CLI::App& noun, const std::string& verb, const std::string& help,
                  const std::shared_ptr<Options>& options, Status (*run)(const Options& options),
                  const ReportFn& report) {
  auto* command = noun.add_subcommand(verb, help);
  command->add_option("--url", options->url, "The Auth Gateway")->capture_default_str();
  command->add_option("--ca-file", options->ca_file,
                      "PEM file: who may have signed an https gateway's certificate");
  command->add_option("--key-file", options->key_file,
                      "File with the API key to show, - for stdin; GRANARY_API_KEY when not given, "
                      "else it is asked for on the terminal");
  command->add_option("--output", options->output, "table or json")->capture_default_str();
  command->add_flag_callback(
      "--json", [options] { options->output = "json"; }, "The same as --output json");
  command->callback([options, run, report] { report(run(*options)); });
  return command;
}

template <typename Options>
void AddTenant(CLI::App* command, const std::shared_ptr<Options>& options) {
  command->add_option("--tenant", options->tenant, kTenantHelp);
}

void AddUsers(CLI::App& app, const ReportFn& report) {
  auto* users = app.add_subcommand("user", "Who may log in at the Auth Gateway, or own keys there");
  users->require_subcommand(1);
  const auto options = std::make_shared<UserOptions>();
  const auto add = [&](const char* verb, const char* help, Status (*run)(const UserOptions&)) {
    auto* command = AddVerb(*users, verb, help, options, run, report);
    AddTenant(command, options);
    return command;
  };
  const auto of_one = [&](const char* verb, const char* help, Status (*run)(const UserOptions&)) {
    auto* command = add(verb, help, run);
    command->add_option("user", options->user, "A name, or an id")->required();
    return command;
  };
  const auto add_roles = [&](CLI::App* command, const char* help) {
    return command->add_option("--role", options->roles, help)->allow_extra_args(false);
  };
  add("list", "All of the tenant, a line each", ListUsers);
  of_one("show", "One, and what they may do", ShowUser);
  auto* create = add("create", "A new one", CreateUser);
  create->add_option("name", options->user, "Their name")->required();
  add_roles(create, "A role that they get; repeatable");
  create->add_flag(
      "--password", options->with_password,
      "With a password, which is asked for, or read from stdin; without, only keys let "
      "them in");
  of_one("password", "A new password, which is asked for, or read from stdin", SetPassword);
  add_roles(of_one("grant", "More roles", GrantRoles), "A role; repeatable")->required();
  add_roles(of_one("revoke", "Fewer roles", RevokeRoles), "A role; repeatable")->required();
  of_one("disable", "Nothing lets them in until they are enabled", DisableUser);
  of_one("enable", "Let them in again", EnableUser);
  of_one("delete", "Remove them and their keys", DeleteUser);
  auto* recover = users->add_subcommand(
      "recover",
      "On the gateway's own machine, as the user that it runs as: one more operator, whose API key "
      "is printed, alone on stdout. For when no operator can come in any more");
  const auto flags = std::make_shared<hosting::ConfigFlags>();
  hosting::AddConfigFlags(*recover, *flags);
  recover->callback([flags, report] { report(RecoverOperator(*flags)); });
}

void AddKeys(CLI::App& app, const ReportFn& report) {
  auto* keys = app.add_subcommand("key", "API keys of the Auth Gateway");
  keys->require_subcommand(1);
  const auto options = std::make_shared<KeyOptions>();
  const auto add = [&](const char* verb, const char* help, Status (*run)(const KeyOptions&)) {
    return AddVerb(*keys, verb, help, options, run, report);
  };
  const auto of_user = [&](CLI::App* command) {
    command->add_option("--user", options->user, "Whose, by name or id");
    AddTenant(command, options);
  };
  const auto of_one = [&](const char* verb, const char* help, Status (*run)(const KeyOptions&)) {
    auto* command = add(verb, help, run);
    command->add_option("id", options->id, "The key's id: what stands between gk_ and the secret")
        ->required();
    return command;
  };
  of_user(add("list", "All of the tenant, a line each", ListKeys));
  of_user(of_one("show", "One of them", ShowKey));
  auto* create = add("create", "A new key: it is printed once, alone on stdout", CreateKey);
  of_user(create);
  create->add_option("--name", options->name, "What it is for");
  create->add_option("--grant", options->grants, kGrantHelp)->allow_extra_args(false);
  create->add_option("--expires-at", options->expires_at,
                     "When it ends, such as 2027-01-31T00:00:00Z; never when not given");
  of_one("rotate", "A new secret for it: it is printed once, alone on stdout", RotateKey)
      ->add_option("--grace-seconds", options->grace_seconds,
                   "How long the old secret is good for requests");
  of_one("revoke", "End it", RevokeKey);
}

void AddRoles(CLI::App& app, const ReportFn& report) {
  auto* roles = app.add_subcommand("role", "Named lists of rights at the Auth Gateway");
  roles->require_subcommand(1);
  const auto options = std::make_shared<RoleOptions>();
  const auto add = [&](const char* verb, const char* help, Status (*run)(const RoleOptions&)) {
    auto* command = AddVerb(*roles, verb, help, options, run, report);
    AddTenant(command, options);
    return command;
  };
  const auto of_one = [&](const char* verb, const char* help, Status (*run)(const RoleOptions&)) {
    auto* command = add(verb, help, run);
    command->add_option("role", options->role, "Its name")->required();
    return command;
  };
  const auto add_grants = [&](CLI::App* command) {
    return command->add_option("--grant", options->grants, kGrantHelp)->allow_extra_args(false);
  };
  add("list", "Those of the tenant and those that are built in", ListRoles);
  of_one("show", "Its rights, a line each", ShowRole);
  add_grants(of_one("create", "A new one", CreateRole))->required();
  add_grants(of_one("grant", "More rights", GrantToRole))->required();
  add_grants(of_one("revoke", "Fewer rights", RevokeFromRole))->required();
  of_one("delete", "Remove it; its users lose what it gave them", DeleteRole);
}

}  // namespace

void AddAccounts(CLI::App& app, const std::function<void(const Status& status)>& report) {
  AddUsers(app, report);
  AddKeys(app, report);
  AddRoles(app, report);
}

}  // namespace granary::cli
