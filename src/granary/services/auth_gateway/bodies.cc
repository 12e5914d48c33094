#include "granary/services/auth_gateway/bodies.h"

#include <charconv>

#include <fmt/format.h>

#include "granary/base/utf8.h"
#include "granary/hosting/responses.h"
#include "granary/net/header_list.h"
#include "granary/types/time_text.h"

namespace granary::gateway {
namespace {

using security::Grant;

Result<Grant> ReadGrant(const api::JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(api::ObjectReader reader, api::ObjectReader::Of(node, pointer));
  Grant grant;
  GRANARY_ASSIGN(const auto verbs, reader.Texts("verbs"));
  for (std::size_t i = 0; i < verbs.size(); ++i) {
    const auto verb = security::ParseVerb(verbs[i]);
    if (!verb) {
      return Status::Invalid(Code::kInvalidRequest, api::PointerTo(reader.PointerOf("verbs"), i),
                             "expected read, write or admin");
    }
    grant.verbs.Add(*verb);
  }
  if (grant.verbs.empty())
    return Status::Invalid(Code::kInvalidRequest, reader.PointerOf("verbs"), "is empty");
  GRANARY_ASSIGN(grant.source, reader.RequiredText("source"));
  if (const Status status = security::CheckSourcePattern(grant.source); !status.ok())
    return api::AtPointer(status, reader.PointerOf("source"));
  GRANARY_TRY(reader.Finish());
  return grant;
}

// 0: it has not happened, or never will.
void AddInstant(api::JsonObject& object, std::string_view name, std::int64_t us) {
  object.AddInstant(name, us == 0 ? std::nullopt : std::optional(us));
}

}  // namespace

Result<api::JsonNode> ReadBody(const GatewayState& state, const net::HttpRequest& request) {
  if (const auto type = request.headers.Get("Content-Type")) {
    const auto items = net::ParseHeaderList(*type);
    if (items.size() != 1 || items[0].value != "application/json") {
      return Status(
          Code::kUnsupportedMediaType,
          fmt::format("Content-Type is '{}', expected application/json", Quotable(*type)));
    }
  }
  return api::ParseJsonObject(request.body, static_cast<std::size_t>(state.config.max_json_depth));
}

Result<std::optional<std::vector<Grant>>> ReadGrants(api::ObjectReader& body,
                                                     std::string_view name) {
  GRANARY_ASSIGN(const api::JsonNode* list, body.Array(name));
  if (list == nullptr) return std::optional<std::vector<Grant>>();
  std::vector<Grant> grants;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    GRANARY_ASSIGN(Grant grant, ReadGrant(list->items[i], api::PointerTo(body.PointerOf(name), i)));
    grants.push_back(std::move(grant));
  }
  return std::optional(std::move(grants));
}

Result<std::optional<std::int64_t>> ReadInstant(api::ObjectReader& body, std::string_view name) {
  GRANARY_ASSIGN(const auto text, body.Text(name));
  if (!text) return std::optional<std::int64_t>();
  const auto us = ParseTimestamp(*text, TimeUnit::kMicro);
  if (us.ok()) return std::optional(*us);
  return Status::Invalid(Code::kInvalidRequest, body.PointerOf(name),
                         "expected an instant like 2027-01-31T00:00:00Z");
}

Result<std::int64_t> WholeParameter(const net::HttpRequest& request, std::string_view name,
                                    std::int64_t fallback, std::int64_t min, std::int64_t max) {
  const auto text = request.QueryParameter(name);
  if (!text) return fallback;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  const bool whole = error == std::errc() && end == text->data() + text->size();
  if (whole && value >= min && value <= max) return value;
  return Status(Code::kInvalidArgument,
                fmt::format("{} is '{}', expected a whole number from {} to {}", name,
                            Quotable(*text), min, max));
}

Result<std::size_t> PageRows(const net::HttpRequest& request) {
  GRANARY_ASSIGN(const std::int64_t rows, WholeParameter(request, "limit", 100, 1, 1'000));
  return static_cast<std::size_t>(rows);
}

net::HttpResponse SecretResponse(std::string body, int status) {
  net::HttpResponse response = hosting::JsonResponse(std::move(body), status);
  response.headers.Set("Cache-Control", "no-store");
  return response;
}

std::optional<std::string> TextParameter(const net::HttpRequest& request, std::string_view name) {
  const auto text = request.QueryParameter(name);
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

void AppendTexts(std::span<const std::string> texts, std::string& out) {
  api::AppendList(texts, out, [&out](const std::string& text) { json::AppendString(text, out); });
}

void AppendGrants(std::span<const Grant> grants, std::string& out) {
  api::AppendList(grants, out, [&out](const Grant& grant) {
    std::vector<std::string> verbs;
    for (const security::Verb verb : security::kVerbs) {
      if (grant.verbs.Has(verb)) verbs.emplace_back(security::VerbName(verb));
    }
    api::JsonObject object(out);
    AppendTexts(verbs, object.Key("verbs"));
    object.Add("source", grant.source);
    object.Close();
  });
}

std::string UserJson(const auth::UserRow& user) {
  std::string out;
  api::JsonObject object(out);
  object.Add("user_id", user.id);
  object.Add("tenant_id", user.tenant);
  object.Add("username", user.name);
  AppendTexts(user.roles, object.Key("roles"));
  object.Add("has_password", !user.password.empty());
  object.Add("disabled", user.disabled);
  AddInstant(object, "created_at", user.created_us);
  object.Close();
  return out;
}

namespace {

void AddKey(const auth::KeyRow& key, api::JsonObject& object) {
  object.Add("key_id", key.id);
  object.Add("tenant_id", key.tenant);
  object.Add("user_id", key.user);
  object.Add("name", key.name);
  if (key.scope)
    AppendGrants(*key.scope, object.Key("scope"));
  else
    object.AddNull("scope");
  AddInstant(object, "created_at", key.created_us);
  AddInstant(object, "expires_at", key.expires_us);
  AddInstant(object, "revoked_at", key.revoked_us);
  AddInstant(object, "old_secret_until", key.old_until_us);
}

}  // namespace

std::string KeyJson(const auth::KeyRow& key) {
  std::string out;
  api::JsonObject object(out);
  AddKey(key, object);
  object.Close();
  return out;
}

std::string MadeKeyJson(const auth::MadeKey& key) {
  std::string out;
  api::JsonObject object(out);
  AddKey(key.row, object);
  object.Add("key", key.text);
  object.Close();
  return out;
}

std::string RoleJson(const auth::RoleRow& role) {
  std::string out;
  api::JsonObject object(out);
  object.Add("role", role.name);
  object.Add("tenant_id", role.tenant);
  AppendGrants(role.grants, object.Key("grants"));
  object.Close();
  return out;
}

std::string TokensJson(const auth::TokenPair& tokens) {
  std::string out;
  api::JsonObject object(out);
  object.Add("access_token", tokens.access_token);
  object.Add("token_type", "Bearer");
  object.Add("expires_in", tokens.expires_in_s);
  object.Add("refresh_token", tokens.refresh_token);
  object.Add("user_id", tokens.user_id);
  object.Add("tenant_id", tokens.tenant);
  object.Close();
  return out;
}

std::string IdentityJson(const auth::Identity& who) {
  std::string out;
  api::JsonObject object(out);
  object.Add("user_id", who.user_id);
  object.Add("username", who.user_name);
  object.Add("tenant_id", who.tenant);
  object.Add("credential", who.credential);
  AppendTexts(who.roles, object.Key("roles"));
  AppendGrants(who.grants, object.Key("grants"));
  object.Add("operator", who.is_operator);
  object.Close();
  return out;
}

std::string AuditJson(const auth::AuditEntry& entry) {
  std::string out;
  api::JsonObject object(out);
  object.Add("seq", entry.seq);
  AddInstant(object, "at", entry.at_us);
  object.Add("tenant_id", entry.tenant);
  object.Add("actor", entry.actor);
  object.Add("action", entry.action);
  object.Add("target", entry.target);
  object.Add("outcome", entry.outcome);
  object.Add("address", entry.address);
  object.Add("request_id", entry.request_id);
  object.Add("detail", entry.detail);
  object.Close();
  return out;
}

}  // namespace granary::gateway
