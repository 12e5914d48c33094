#include "granary/cli/key_command.h"

#include <cstdio>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/cli/grant_text.h"
#include "granary/cli/text_table.h"
#include "granary/cli/user_command.h"

namespace granary::cli {
namespace {

using simdjson::dom::element;

constexpr std::string_view kAllRights = "all rights of its user";

Result<std::string> ListTarget(AccountClient& client, const KeyOptions& options) {
  std::string target = "/auth/keys?limit=1000";
  if (options.user.empty()) return target;
  GRANARY_ASSIGN(const std::string user, FindUser(client, options.user, options.tenant));
  return target + "&user_id=" + PathSegment(user);
}

std::string KeyState(const element& key) {
  if (const std::string at = MemberText(key, "revoked_at"); !at.empty()) return "revoked " + at;
  const std::string ends = MemberText(key, "expires_at");
  return ends.empty() ? "active" : "until " + ends;
}

// The secret goes to stdout alone, what there is to know about it to people.
Status PrintMade(const KeyOptions& options, const std::string& answer) {
  if (options.as_json()) {
    PrintText(PrettyJson(answer) + "\n");
    return Status::Ok();
  }
  simdjson::dom::parser parser;
  GRANARY_ASSIGN(const element key, ParseAnswer(parser, answer));
  PrintText(MemberText(key, "key") + "\n");
  std::fprintf(stderr, "Key %s, shown this once. It may: %s\n", MemberText(key, "key_id").c_str(),
               MemberGrants(key, "scope", kAllRights).c_str());
  if (const std::string until = MemberText(key, "old_secret_until"); !until.empty())
    std::fprintf(stderr, "The old secret is good until %s.\n", until.c_str());
  return Status::Ok();
}

std::string PathOf(const KeyOptions& options) { return "/auth/keys/" + PathSegment(options.id); }

}  // namespace

Status ListKeys(const KeyOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  GRANARY_ASSIGN(const std::string target, ListTarget(client, options));
  TextTable table({"key", "name", "user", "state", "may", "created"});
  std::string lines;
  GRANARY_TRY(client.ForEach(target, "keys", [&](const element& key) {
    table.Add({MemberText(key, "key_id"), MemberText(key, "name"), MemberText(key, "user_id"),
               KeyState(key), MemberGrants(key, "scope", kAllRights),
               MemberText(key, "created_at")});
    lines += (lines.empty() ? "" : ",") + std::string(simdjson::minify(key));
    return Status::Ok();
  }));
  PrintText(options.as_json() ? PrettyJson("[" + lines + "]") + "\n" : table.ToString());
  return Status::Ok();
}

Status ShowKey(const KeyOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  GRANARY_ASSIGN(const std::string target, ListTarget(client, options));
  std::string found;
  GRANARY_TRY(client.ForEach(target, "keys", [&](const element& key) {
    if (MemberText(key, "key_id") == options.id) found = simdjson::minify(key);
    return Status::Ok();
  }));
  if (found.empty())
    return Status(Code::kNotFound, fmt::format("there is no key '{}'", options.id));
  PrintText(PrettyJson(found) + "\n");
  return Status::Ok();
}

Status CreateKey(const KeyOptions& options) {
  GRANARY_ASSIGN(const std::vector<GrantText> grants, ParseGrantTexts(options.grants));
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  std::string body;
  api::JsonObject object(body);
  object.Add("name", std::string_view(options.name));
  if (!options.user.empty()) {
    GRANARY_ASSIGN(const std::string user, FindUser(client, options.user, options.tenant));
    object.Add("user_id", std::string_view(user));
  }
  if (!grants.empty()) AppendGrantsJson(grants, object.Key("scope"));
  if (!options.expires_at.empty()) object.Add("expires_at", std::string_view(options.expires_at));
  object.Close();
  GRANARY_ASSIGN(const std::string answer, client.Call("POST", "/auth/keys", body));
  return PrintMade(options, answer);
}

Status RotateKey(const KeyOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  std::string body;
  if (options.grace_seconds) {
    api::JsonObject object(body);
    object.Add("grace_seconds", *options.grace_seconds);
    object.Close();
  }
  GRANARY_ASSIGN(const std::string answer, client.Call("POST", PathOf(options) + "/rotate", body));
  return PrintMade(options, answer);
}

Status RevokeKey(const KeyOptions& options) {
  GRANARY_ASSIGN(AccountClient client, AccountClient::Create(options));
  return client.Call("DELETE", PathOf(options)).status();
}

}  // namespace granary::cli
