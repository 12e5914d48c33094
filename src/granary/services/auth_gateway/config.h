// Config: everything about an Auth Gateway that its operator chooses, by the names of config.env.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "granary/auth/authority.h"
#include "granary/base/status.h"
#include "granary/hosting/config.h"
#include "granary/hosting/server_config.h"

namespace granary::gateway {

struct Config : hosting::ServerConfig {
  std::string tenant_id;
  /// What an Operation Node in the same process shows; no setting. Empty: none is there.
  std::string process_secret;
  // Nodes.
  std::string node_url, node_urls;
  std::int64_t placement_cache_seconds = 0;
  std::int64_t node_connect_timeout_ms = 0, node_silence_seconds = 0;
  // How long things are good.
  std::int64_t access_token_minutes = 0, session_days = 0, node_token_seconds = 0,
               key_grace_minutes = 0, signing_key_days = 0, audit_days = 0;
  // Passwords and guessing.
  std::int64_t password_min_bytes = 0, password_memory_kb = 0, password_passes = 0,
               password_hashes = 0;
  std::int64_t login_free_failures = 0, login_wait_max_seconds = 0, login_address_free_failures = 0,
               login_address_wait_max_seconds = 0;
  // Rates and numbers.
  std::int64_t rate_key_per_second = 0, rate_user_per_second = 0, rate_tenant_per_second = 0,
               rate_burst_seconds = 0;
  std::int64_t max_users = 0, max_keys_per_user = 0, max_roles = 0, max_streamed_bodies = 0,
               max_json_depth = 0;
};

/// The rows of an Auth Gateway, those of every service among them.
std::span<const hosting::Variable> ConfigTable();

/// kInvalidArgument, listing every bad value.
Result<Config> LoadConfig(const hosting::ConfigSources& sources);

/// DATA_PATH/auth and the rest of what an Authority needs.
auth::AuthorityOptions MakeAuthorityOptions(const Config& config);

}  // namespace granary::gateway
