// ServerConfig: what an operator chooses for every service alike: where it listens, TLS, the limits
// of requests, its folder, its log lines. A service's own configuration derives from it.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace granary::hosting {

struct ConfigValue {
  std::string name;
  std::string text;      ///< As given, or the default.
  std::string origin;    ///< "default", "config.env:12", "environment", "--rest-port".
  bool in_vain = false;  ///< Not the default, and this version does not look at it.
};

struct ServerConfig {
  std::string data_path, rest_host;
  std::string tls_cert_file, tls_key_file, tls_client_ca_file;  ///< Empty: none.
  bool allow_anonymous = false;
  // Where the services listen: each looks at its own, and some at the others'.
  std::int64_t rest_port = 0, auth_gateway_port = 0, operation_node_port = 0, cbo_engine_port = 0,
               metadata_catalog_port = 0, monitoring_port = 0;
  // What the services of a fleet share, and the Operation Node, for those that talk to it. Empty:
  // no key; none.
  std::string operation_node_url, operation_node_key;
  std::int64_t heartbeat_seconds = 0;
  // Limits of requests.
  std::int64_t max_body_mb = 0, max_bodies_mb = 0, max_body_ratio = 0, compress_min_bytes = 0,
               max_header_kb = 0;
  std::int64_t max_connections = 0, handler_threads = 0, io_threads = 0;
  std::int64_t header_timeout_seconds = 0, body_timeout_seconds = 0, body_progress_kb = 0,
               idle_timeout_seconds = 0, write_timeout_seconds = 0, stop_timeout_seconds = 0;
  // Log lines.
  std::string log_level, log_format;
  std::int64_t log_keep_kb = 0;

  std::vector<ConfigValue> values;  ///< Every variable of the service, in the order of its table.
};

}  // namespace granary::hosting
