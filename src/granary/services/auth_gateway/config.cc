#include "granary/services/auth_gateway/config.h"

#include <vector>

#include "granary/base/ids.h"
#include "granary/security/node_token.h"
#include "granary/services/auth_gateway/placement.h"

namespace granary::gateway {
namespace {

using hosting::TextRule;
using hosting::WholeRule;

bool IsNodeUrl(std::string_view text) { return net::ParseUpstreamUrl(text).ok(); }
bool IsNodeList(std::string_view text) { return ParseNodeList(text).ok(); }

using C = Config;

// clang-format off
const hosting::Variable kGatewayRows[] = {
    {"Auth Gateway", "TENANT_NODE_URL", "http://127.0.0.1:8000", TextRule{&C::node_url, IsNodeUrl, "a URL like http://127.0.0.1:8000"}, "The node of TENANT_ID, for the gateway"},
    {"", "TENANT_NODE_URLS", "", TextRule{&C::node_urls, IsNodeList, "TENANT=URL,TENANT=URL, or nothing"}, "The nodes of further tenants"},
    {"", "PLACEMENT_CACHE_SECONDS", "2", WholeRule{&C::placement_cache_seconds, 1, 86'400}, "With OPERATION_NODE_URL: how old its answer may be before it is asked again, while the old one serves"},
    {"", "NODE_CONNECT_TIMEOUT_MS", "2000", WholeRule{&C::node_connect_timeout_ms, 1, 600'000}, "A node that does not take a connection; then 503"},
    {"", "NODE_SILENCE_SECONDS", "600", WholeRule{&C::node_silence_seconds, 1, 86'400}, "A node that neither takes nor sends a byte; then 504, or the answer is cut"},
    {"", "ACCESS_TOKEN_MINUTES", "15", WholeRule{&C::access_token_minutes, 1, 1'440}, "How long an access token is good"},
    {"", "SESSION_DAYS", "30", WholeRule{&C::session_days, 1, 3'650}, "How long a session may be refreshed"},
    {"", "NODE_TOKEN_SECONDS", "60", WholeRule{&C::node_token_seconds, 10, security::kNodeTokenSecondsMax}, "How long what the gateway tells a node is good"},
    {"", "KEY_GRACE_MINUTES", "60", WholeRule{&C::key_grace_minutes, 0, 43'200}, "How long the old secret of a rotated API key is good"},
    {"", "SIGNING_KEY_DAYS", "30", WholeRule{&C::signing_key_days, 1, 3'650}, "How old the key that tokens are signed with becomes"},
    {"", "AUDIT_DAYS", "365", WholeRule{&C::audit_days, 1, 36'500}, "How long the audit log is kept"},
    {"", "PASSWORD_MIN_BYTES", "10", WholeRule{&C::password_min_bytes, 8, 512}, "The shortest password"},
    {"", "PASSWORD_MEMORY_KB", "65536", WholeRule{&C::password_memory_kb, 64, 1'048'576}, "Memory of one password hash (Argon2id)"},
    {"", "PASSWORD_PASSES", "3", WholeRule{&C::password_passes, 1, 64}, "Passes of one password hash"},
    {"", "PASSWORD_HASHES", "2", WholeRule{&C::password_hashes, 1, 64}, "Password hashes at once; 64 more wait up to 5 s, then 503"},
    {"", "LOGIN_FREE_FAILURES", "5", WholeRule{&C::login_free_failures, 1, 1'000}, "Failed logins of an account before the wait doubles with each"},
    {"", "LOGIN_WAIT_MAX_SECONDS", "60", WholeRule{&C::login_wait_max_seconds, 1, 86'400}, "The longest wait of an account"},
    {"", "LOGIN_ADDRESS_FREE_FAILURES", "20", WholeRule{&C::login_address_free_failures, 1, 100'000}, "The same for an address"},
    {"", "LOGIN_ADDRESS_WAIT_MAX_SECONDS", "900", WholeRule{&C::login_address_wait_max_seconds, 1, 86'400}, "The longest wait of an address"},
    {"", "RATE_KEY_PER_SECOND", "1000", WholeRule{&C::rate_key_per_second, 0, 10'000'000}, "Requests of one API key or session; past it 429; 0: no limit"},
    {"", "RATE_USER_PER_SECOND", "2000", WholeRule{&C::rate_user_per_second, 0, 10'000'000}, "Requests of one user"},
    {"", "RATE_TENANT_PER_SECOND", "10000", WholeRule{&C::rate_tenant_per_second, 0, 10'000'000}, "Requests of one tenant"},
    {"", "RATE_BURST_SECONDS", "2", WholeRule{&C::rate_burst_seconds, 1, 3'600}, "So many seconds' requests may come at once"},
    {"", "MAX_USERS", "100000", WholeRule{&C::max_users, 1, 10'000'000}, "Users of a tenant"},
    {"", "MAX_KEYS_PER_USER", "1000", WholeRule{&C::max_keys_per_user, 1, 1'000'000}, "API keys of a user, revoked ones left out"},
    {"", "MAX_ROLES", "1000", WholeRule{&C::max_roles, 1, 100'000}, "Roles of a tenant, built-in ones left out"},
};

const hosting::Variable kSharedRows[] = {
    {"", "TENANT_ID", "default_tenant",
     TextRule{&C::tenant_id, IsIdentifier, "letters, digits and _ . - (not first), at most 128"}, "Unique tenant identifier"},
    {"", "MAX_STREAMED_BODIES", "32", WholeRule{&C::max_streamed_bodies, 1, 1'000}, "Streamed bodies (NDJSON, CSV, Arrow, Parquet) at once; past it 503"},
    {"", "MAX_JSON_DEPTH", "64", WholeRule{&C::max_json_depth, 2, 1000}, "Nesting of JSON"},
};
// clang-format on

std::vector<hosting::Variable> MakeTable() {
  std::vector<hosting::Variable> out;
  const auto add = [&out](const auto& rows) {
    out.insert(out.end(), std::begin(rows), std::end(rows));
  };
  add(kGatewayRows);
  add(hosting::PlaceVariables());
  add(hosting::PortVariables());
  add(hosting::AccessVariables());
  add(hosting::FleetVariables());
  add(hosting::RequestVariables());
  add(kSharedRows);
  add(hosting::LogVariables());
  return out;
}

}  // namespace

std::span<const hosting::Variable> ConfigTable() {
  static const std::vector<hosting::Variable> table = MakeTable();
  return table;
}

Result<Config> LoadConfig(const hosting::ConfigSources& sources) {
  return hosting::LoadConfig<Config>(sources, ConfigTable());
}

auth::AuthorityOptions MakeAuthorityOptions(const Config& config) {
  auth::AuthorityOptions options;
  options.folder = config.data_path + "/auth";
  options.tenant = config.tenant_id;
  options.issuer = security::kIssuer;
  options.access_token_s = config.access_token_minutes * 60;
  options.session_s = config.session_days * 86'400;
  options.node_token_s = config.node_token_seconds;
  options.key_grace_s = config.key_grace_minutes * 60;
  options.signing_key_days = config.signing_key_days;
  options.audit_days = config.audit_days;
  options.password_bytes_min = static_cast<std::size_t>(config.password_min_bytes);
  options.users_max = static_cast<std::size_t>(config.max_users);
  options.keys_max = static_cast<std::size_t>(config.max_keys_per_user);
  options.roles_max = static_cast<std::size_t>(config.max_roles);
  options.password_cost = {
      .memory_kib = static_cast<std::uint32_t>(config.password_memory_kb),
      .passes = static_cast<std::uint32_t>(config.password_passes),
      .lanes = 1,
  };
  options.hashes.at_once = static_cast<std::size_t>(config.password_hashes);
  options.guard.account.free = config.login_free_failures;
  options.guard.account.wait_max_s = config.login_wait_max_seconds;
  options.guard.address.free = config.login_address_free_failures;
  options.guard.address.wait_max_s = config.login_address_wait_max_seconds;
  return options;
}

}  // namespace granary::gateway
