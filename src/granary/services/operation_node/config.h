// Config: what an operator chooses about an Operation Node.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config.h"
#include "granary/hosting/server_config.h"
#include "granary/metadata/metadata_store.h"

namespace granary::operation {

struct Config : hosting::ServerConfig {
  // The metadata store.
  std::string metadata_type, metadata_host, metadata_database, metadata_user, metadata_password;
  std::int64_t metadata_port = 0, metadata_timeout_ms = 0;
  bool metadata_tls = false;
  // Nodes.
  bool adopt_tenants = false;
  std::int64_t node_suspect_seconds = 0, node_dead_seconds = 0;
  std::int64_t max_tenants = 0, max_nodes = 0, audit_days = 0;
  // Launched ones.
  std::int64_t max_launched_nodes = 0, launch_memory_mb = 0, launch_capacity = 1;
  std::string launch_config_file, launch_host, gateway_jwks, metadata_catalog_url;
  // Of the Auth Gateway that forgets deleted tenants; what it is shown in place of
  // OPERATION_NODE_KEY when it is of this process, which is no setting.
  std::string auth_gateway_url, process_secret;
  bool gateway_required = false, launch_grpc = false;
  // Queries over tenants.
  std::int64_t max_query_tenants = 0, query_fan_out = 0;
  std::int64_t query_node_buffer_mb = 0, query_merge_memory_mb = 0;
  std::int64_t node_silence_seconds = 0, max_page_records = 0;
  // Scaling.
  std::int64_t scaling_interval_seconds = 0;
};

std::span<const hosting::Variable> ConfigTable();

/// kInvalidArgument, listing every bad value.
Result<Config> LoadConfig(const hosting::ConfigSources& sources);

/// Below DATA_PATH: what an Operation Node keeps for itself.
std::string FolderOf(const Config& config);

/// In it: the public key that nodes know this Operation Node by, a JSON Web Key Set.
std::string KeysFileOf(const Config& config);

/// `owner` is who asks.
metadata::Options MakeMetadataOptions(const Config& config, const std::string& owner);

}  // namespace granary::operation
