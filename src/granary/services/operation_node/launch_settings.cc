#include "granary/services/operation_node/launch_settings.h"

#include <fmt/format.h>

#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/server_options.h"

namespace granary::operation {
namespace {

bool IsEverywhere(std::string_view host) { return host == "0.0.0.0" || host == "::"; }

// A name may lead anywhere, also here.
bool IsAddress(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> LaunchSettings(const Config& config,
                                                                std::uint16_t port) {
  const std::string own_url = "http://" + hosting::OwnAddress(config.rest_host, port);
  std::vector<std::pair<std::string, std::string>> out = {
      {"REST_HOST", config.launch_host},
      {"REST_PORT", "0"},
      {"OPERATION_NODE_URL",
       config.operation_node_url.empty() ? own_url : config.operation_node_url},
      {"HEARTBEAT_SECONDS", std::to_string(config.heartbeat_seconds)},
      {"MEMORY_LIMIT_MB", std::to_string(config.launch_memory_mb)},
      {"LOG_LEVEL", config.log_level},
      {"LOG_FORMAT", config.log_format}};
  if (!config.operation_node_key.empty())
    out.emplace_back("OPERATION_NODE_KEY", config.operation_node_key);
  if (config.launch_grpc) {
    out.emplace_back("GRPC_HOST", config.launch_host);
    out.emplace_back("GRPC_PORT", "0");
  }
  if (!config.metadata_catalog_url.empty())
    out.emplace_back("METADATA_CATALOG_URL", config.metadata_catalog_url);
  // Without a gateway this machine is answered as before, and we are known by our token.
  const bool has_gateway = !config.gateway_jwks.empty();
  out.emplace_back("GATEWAY_JWKS", config.gateway_jwks);
  out.emplace_back("GATEWAY_REQUIRED", has_gateway && config.gateway_required ? "true" : "false");
  return out;
}

void CheckLaunching(const Config& config, std::vector<std::string>& complaints) {
  if (config.max_launched_nodes == 0) return;
  const auto complain = [&complaints](std::string what) {
    complaints.push_back(std::move(what) + "; or MAX_LAUNCHED_NODES=0");
  };
  if (IsEverywhere(config.launch_host)) {
    complain(
        fmt::format("LAUNCH_HOST is {}, where nobody finds a node: name the one address of "
                    "this machine that the others reach",
                    config.launch_host));
  } else if (!hosting::IsThisMachine(config.launch_host) && config.gateway_jwks.empty()) {
    complain(
        fmt::format("LAUNCH_HOST is {}, but a node without the gateway's keys answers its own "
                    "machine alone: set GATEWAY_JWKS",
                    config.launch_host));
  }
  if (!config.operation_node_url.empty()) return;  // Where they are heard is the operator's to say.
  if (!config.tls_cert_file.empty()) {
    complain(
        "nodes that are launched would have to reach this service by an address that TLS_CERT_FILE "
        "does not name: set OPERATION_NODE_URL");
  } else if (config.operation_node_key.empty() && !hosting::IsOpen(config) &&
             IsAddress(config.rest_host) && !IsEverywhere(config.rest_host) &&
             !hosting::IsThisMachine(config.rest_host)) {
    complain(
        fmt::format("REST_HOST is {}, so heartbeats of nodes that are launched come from "
                    "there, and nobody but this machine is heard without OPERATION_NODE_KEY: "
                    "set it",
                    config.rest_host));
  }
}

}  // namespace granary::operation
