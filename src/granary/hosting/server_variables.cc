#include <algorithm>

#include "granary/hosting/config.h"
#include "granary/net/http_client.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace granary::hosting {
namespace {

bool IsLevel(std::string_view given) {
  const std::string text = Lowercase(given);
  return text == "debug" || text == "info" || text == "warn" || text == "error";
}
bool IsFormat(std::string_view given) {
  const std::string text = Lowercase(given);
  return text == "auto" || text == "json" || text == "text";
}

bool IsUrlOrNothing(std::string_view text) {
  return text.empty() || net::HttpClient::Create(text, 1).ok();
}
bool IsKeyOrNothing(std::string_view text) {
  constexpr std::size_t kBytesMin = 16, kBytesMax = 512;
  // What stands in deploy/production.env everybody can read.
  const bool is_examples = text.find("change-me") != std::string_view::npos;
  return text.empty() || (!is_examples && text.size() >= kBytesMin && text.size() <= kBytesMax &&
                          std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }));
}

constexpr std::int64_t kMegabytesMax = 1 << 30;

using C = ServerConfig;

}  // namespace

// clang-format off
std::vector<Variable> PlaceVariables() {
  return {
    {"Where a service keeps its data and listens", "DATA_PATH", "./data", TextRule{&C::data_path, IsPath, "a path"}, "Base path for data storage"},
    {"", "REST_HOST", "0.0.0.0", TextRule{&C::rest_host, IsHost, "an address or a host name"}, "REST API server host"},
  };
}

std::vector<Variable> PortVariables() {
  return {
    {"Where each service listens; 0 picks a free port", "REST_PORT", "8000", Port(&C::rest_port), "REST API server port of the Tenant Node"},
    {"", "AUTH_GATEWAY_PORT", "8080", Port(&C::auth_gateway_port), "Auth Gateway"},
    {"", "OPERATION_NODE_PORT", "8081", Port(&C::operation_node_port), "Operation Node"},
    {"", "CBO_ENGINE_PORT", "8082", Port(&C::cbo_engine_port), "CBO Engine"},
    {"", "METADATA_CATALOG_PORT", "8083", Port(&C::metadata_catalog_port), "Metadata Catalog"},
    {"", "MONITORING_PORT", "8084", Port(&C::monitoring_port), "Monitoring"},
  };
}

std::vector<Variable> AccessVariables() {
  return {
    {"Who is answered", "TLS_CERT_FILE", "", TextRule{&C::tls_cert_file, IsOptionalPath, "a path, or nothing"},
     "PEM file: the certificate of this service and those that lead to its root; with TLS_KEY_FILE all its APIs speak TLS only"},
    {"", "TLS_KEY_FILE", "", TextRule{&C::tls_key_file, IsOptionalPath, "a path, or nothing"}, "PEM file: the certificate's key, without a passphrase"},
    {"", "TLS_CLIENT_CA_FILE", "", TextRule{&C::tls_client_ca_file, IsOptionalPath, "a path, or nothing"},
     "PEM file: clients must show a certificate signed by one of these, and those that do are answered from any machine"},
    {"", "ALLOW_ANONYMOUS", "false", SwitchRule{&C::allow_anonymous},
     "Without authentication configured only this machine is answered, unless this is true"},
    {"", "OPERATION_NODE_KEY", "", TextRule{&C::operation_node_key, IsKeyOrNothing, "16 to 512 printed characters of your own (openssl rand -hex 32), or nothing"},
     "A secret that all services of a fleet share: the Operation Node and the Metadata Catalog answer whoever shows it as 'Authorization: Bearer …', from any machine, and nobody else, and every service shows them its log lines; nothing: their own machine alone", Offer::kNow, Shown::kNever},
  };
}

std::vector<Variable> RequestVariables() {
  return {
    {"Limits of requests", "MAX_BODY_MB", "16", WholeRule{&C::max_body_mb, 1, 65'536}, "Request body"},
    {"", "MAX_BODIES_MB", "1024", WholeRule{&C::max_bodies_mb, 1, kMegabytesMax}, "Bodies of all requests at once; past it 503"},
    {"", "MAX_BODY_RATIO", "500", WholeRule{&C::max_body_ratio, 1, 1'000'000}, "How many times its size a compressed body may grow to, past 1 MiB; and records per byte of Arrow and Parquet, past 2^20"},
    {"", "COMPRESS_MIN_BYTES", "1024", WholeRule{&C::compress_min_bytes, 0, kMegabytesMax}, "Smaller answers are not compressed (streams always are, for clients that take it)"},
    {"", "MAX_HEADER_KB", "16", WholeRule{&C::max_header_kb, 1, 1024}, "Request line and headers"},
    {"", "MAX_CONNECTIONS", "4096", WholeRule{&C::max_connections, 1, 1'000'000}, "Open connections"},
    {"", "HANDLER_THREADS", "64", WholeRule{&C::handler_threads, 1, 4096}, "Short requests that run at once; those that may wait have threads of their own"},
    {"", "IO_THREADS", "1", WholeRule{&C::io_threads, 1, 64}, "Threads that read requests"},
    {"", "HEADER_TIMEOUT_SECONDS", "10", WholeRule{&C::header_timeout_seconds, 1, 3600}, "For the whole head of a request"},
    {"", "BODY_TIMEOUT_SECONDS", "60", WholeRule{&C::body_timeout_seconds, 1, 3600}, "A body without progress"},
    {"", "BODY_PROGRESS_KB", "64", WholeRule{&C::body_progress_kb, 0, 1024}, "What a body must come on by in that time, or to its end, to be in progress; 0, and streamed bodies: anything"},
    {"", "IDLE_TIMEOUT_SECONDS", "75", WholeRule{&C::idle_timeout_seconds, 1, 86'400}, "A connection between requests"},
    {"", "WRITE_TIMEOUT_SECONDS", "60", WholeRule{&C::write_timeout_seconds, 1, 3600}, "A client that does not take its answer"},
    {"", "STOP_TIMEOUT_SECONDS", "15", WholeRule{&C::stop_timeout_seconds, 0, 3600}, "Running requests may finish for so long when a service stops"},
  };
}

std::vector<Variable> FleetVariables() {
  return {
    {"The fleet: what services tell the Operation Node and ask of it", "OPERATION_NODE_URL", "", TextRule{&C::operation_node_url, IsUrlOrNothing, "a URL like http://127.0.0.1:8081, or nothing"},
     "Where Tenant Nodes send heartbeats to, and the Auth Gateway asks where tenants are; nothing: they do without"},
    {"", "HEARTBEAT_SECONDS", "2", WholeRule{&C::heartbeat_seconds, 1, 3600}, "How often a Tenant Node says that it lives"},
  };
}

std::vector<Variable> LogVariables() {
  return {
    {"Log lines", "LOG_LEVEL", "info", TextRule{&C::log_level, IsLevel, "debug, info, warn or error"}, "The least that is logged"},
    {"", "LOG_FORMAT", "auto", TextRule{&C::log_format, IsFormat, "auto, json or text"}, "auto: text on a terminal, JSON lines elsewhere"},
    {"", "LOG_KEEP_KB", "1024", WholeRule{&C::log_keep_kb, 0, 65'536}, "Of its last lines, each service keeps so much in memory for GET /logs/{service} of Monitoring"},
  };
}
// clang-format on

std::vector<Variable> ServiceTable(std::vector<Variable> own) {
  std::vector<Variable> table;
  for (std::vector<Variable> rows : {PlaceVariables(), PortVariables(), AccessVariables(),
                                     std::move(own), RequestVariables(), LogVariables()})
    std::ranges::move(rows, std::back_inserter(table));
  return table;
}

}  // namespace granary::hosting
