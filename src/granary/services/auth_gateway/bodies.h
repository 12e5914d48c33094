// What the gateway's own routes read from requests and write into answers.
//
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/api/json_node.h"
#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/auth/auth_rows.h"
#include "granary/auth/authority.h"
#include "granary/base/status.h"
#include "granary/hosting/router.h"
#include "granary/services/auth_gateway/gateway_state.h"

namespace granary::gateway {

/// The JSON object that a request has as its body. kUnsupportedMediaType, kInvalidJson,
/// kInvalidRequest.
Result<api::JsonNode> ReadBody(const GatewayState& state, const net::HttpRequest& request);

/// [{"verbs": ["read"], "source": "sales_*"}], or nothing when it is not given.
Result<std::optional<std::vector<security::Grant>>> ReadGrants(api::ObjectReader& body,
                                                               std::string_view name);
/// An instant of RFC 3339 as microseconds since 1970.
Result<std::optional<std::int64_t>> ReadInstant(api::ObjectReader& body, std::string_view name);

/// `limit` of a page: 1 to 1,000, 100 when not given. kInvalidArgument.
Result<std::size_t> PageRows(const net::HttpRequest& request);
/// A query parameter that is a whole number. kInvalidArgument.
Result<std::int64_t> WholeParameter(const net::HttpRequest& request, std::string_view name,
                                    std::int64_t fallback, std::int64_t min, std::int64_t max);
std::optional<std::string> TextParameter(const net::HttpRequest& request, std::string_view name);

/// What has a secret in it is nobody's to keep on the way (RFC 6749 §5.1).
net::HttpResponse SecretResponse(std::string body, int status = 200);
void AppendGrants(std::span<const security::Grant> grants, std::string& out);
void AppendTexts(std::span<const std::string> texts, std::string& out);
std::string UserJson(const auth::UserRow& user);
/// Without its secret, which nobody has any more.
std::string KeyJson(const auth::KeyRow& key);
/// With it, once.
std::string MadeKeyJson(const auth::MadeKey& key);
std::string RoleJson(const auth::RoleRow& role);
std::string TokensJson(const auth::TokenPair& tokens);
std::string IdentityJson(const auth::Identity& who);
std::string AuditJson(const auth::AuditEntry& entry);

/// {"<name>": [<each>], "next": "…"}; `next` is where the next page goes on, null at the end.
template <typename Row, typename Write>
std::string PageJson(std::string_view name, const std::vector<Row>& rows, const Write& write,
                     const std::optional<std::string>& next) {
  std::string out;
  api::JsonObject page(out);
  api::AppendList(rows, page.Key(name), [&](const Row& row) { out.append(write(row)); });
  page.Add("next", next);
  page.Close();
  return out;
}

}  // namespace granary::gateway
