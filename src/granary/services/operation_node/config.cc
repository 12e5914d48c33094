#include "granary/services/operation_node/config.h"

#include <iterator>
#include <vector>

#include "granary/io/file_system.h"
#include "granary/net/http_client.h"
#include "granary/services/operation_node/launch_settings.h"
#include "granary/tenant/node_memory.h"

namespace granary::operation {
namespace {

using C = Config;
using hosting::IsOptionalPath;
using hosting::SwitchRule;
using hosting::TextRule;
using hosting::Variable;
using hosting::WholeRule;

bool IsStoreType(std::string_view text) { return metadata::ParseStoreType(text).has_value(); }
bool IsAnyText(std::string_view text) { return text.find('\0') == std::string_view::npos; }
bool IsUrlOrNothing(std::string_view text) {
  return text.empty() || net::HttpClient::Create(text, 1).ok();
}
bool IsKeysPlace(std::string_view text) {
  return IsOptionalPath(text) && text.find_first_of(" \t\r\n") == std::string_view::npos;
}

// clang-format off
std::vector<Variable> OperationRows() {
  return {
    {"Operation Node: its metadata", "METADATA_STORE", "sqlite", TextRule{&C::metadata_type, IsStoreType, "sqlite, postgresql or clickhouse"},
     "Where tenants, nodes and placements are kept; sqlite: a file below DATA_PATH; clickhouse bears one Operation Node at a time"},
    {"", "METADATA_HOST", "127.0.0.1", TextRule{&C::metadata_host, hosting::IsHost, "an address or a host name"}, "The server of postgresql or clickhouse"},
    {"", "METADATA_PORT", "0", hosting::Port(&C::metadata_port), "Its port; 0: 5432 of postgresql, 8123 (HTTP) of clickhouse"},
    {"", "METADATA_DATABASE", "granary", TextRule{&C::metadata_database, metadata::IsDatabaseName, "a letter or _, then letters, digits and _, at most 63"}, "Its database"},
    {"", "METADATA_USER", "granary", TextRule{&C::metadata_user, IsAnyText, "text, or nothing"}, "Its user"},
    {"", "METADATA_PASSWORD", "", TextRule{&C::metadata_password, IsAnyText, "text, or nothing"}, "The user's password", hosting::Offer::kNow, hosting::Shown::kNever},
    {"", "METADATA_TLS", "false", SwitchRule{&C::metadata_tls}, "Speak TLS to it, and check whose certificate it shows"},
    {"", "METADATA_TIMEOUT_MS", "5000", WholeRule{&C::metadata_timeout_ms, 100, 600'000}, "A statement that takes longer is given up, and the store taken for away"},

    {"Operation Node: nodes and tenants", "NODE_SUSPECT_SECONDS", "10", WholeRule{&C::node_suspect_seconds, 1, 86'400}, "A node that is silent for so long gets no new tenants"},
    {"", "NODE_DEAD_SECONDS", "30", WholeRule{&C::node_dead_seconds, 1, 86'400}, "… and for so long is taken for dead"},
    {"", "AUTH_GATEWAY_URL", "", TextRule{&C::auth_gateway_url, IsUrlOrNothing, "a URL like http://127.0.0.1:8080, or nothing"},
     "The Auth Gateway, where users and keys of a tenant end when it is deleted; nothing: they stay"},
    {"", "ADOPT_TENANTS", "false", SwitchRule{&C::adopt_tenants}, "A tenant that a node announces and nobody has created is taken over, placed there"},
    {"", "MAX_TENANTS", "10000", WholeRule{&C::max_tenants, 1, 100'000}, "Tenants of an Operation Node"},
    {"", "MAX_NODES", "1000", WholeRule{&C::max_nodes, 1, 100'000}, "Nodes of an Operation Node"},
    {"", "MAX_LAUNCHED_NODES", "16", WholeRule{&C::max_launched_nodes, 0, 10'000}, "Node processes that an Operation Node starts on its own machine for tenants that no other node can take; 0: none"},
    {"", "LAUNCH_CAPACITY", "1", WholeRule{&C::launch_capacity, 1, 10'000}, "Tenants that share such a node; 1: each has a node of its own"},
    {"", "LAUNCH_MEMORY_MB", "1024", WholeRule{&C::launch_memory_mb, kNodeMemoryLeastMb, 1 << 30}, "MEMORY_LIMIT_MB of such a node, unless its tenant's quota says another"},
    {"", "LAUNCH_HOST", "127.0.0.1", TextRule{&C::launch_host, hosting::IsHost, "an address or a host name"}, "Where such a node listens and is found; another one than 127.0.0.1, which other machines do not reach, needs GATEWAY_JWKS"},
    {"", "LAUNCH_GRPC", "false", SwitchRule{&C::launch_grpc}, "Such a node also serves gRPC, on a port that is free, which POST /auth/node-token of the gateway says"},
    {"", "AUDIT_DAYS", "365", WholeRule{&C::audit_days, 1, 36'500}, "How long the audit log is kept"},
    {"", "LAUNCH_CONFIG_FILE", "", TextRule{&C::launch_config_file, IsOptionalPath, "a path, or nothing"}, "A config.env for the nodes that it starts"},
    {"Operation Node: queries over tenants", "MAX_QUERY_TENANTS", "100", WholeRule{&C::max_query_tenants, 1, 10'000}, "Tenants that one query may ask; each is a connection and a thread while it runs"},
    {"", "QUERY_FAN_OUT", "16", WholeRule{&C::query_fan_out, 1, 1'000}, "Nodes that work on one query at once"},
    {"", "QUERY_NODE_BUFFER_MB", "16", WholeRule{&C::query_node_buffer_mb, 1, 1'024}, "What of one node's answer may wait here, and so the longest row"},
    {"", "QUERY_MERGE_MEMORY_MB", "512", WholeRule{&C::query_merge_memory_mb, 1, 1 << 20}, "… of all nodes and queries, the groups that are merged included"},
    {"", "MAX_PAGE_RECORDS", "10000", WholeRule{&C::max_page_records, 1, 10'000'000}, "Highest limit of a search (a stream has none)"},

    {"Operation Node: scaling", "SCALING_INTERVAL_SECONDS", "5", WholeRule{&C::scaling_interval_seconds, 1, 3600}, "How often it is decided how many nodes there should be"},
  };
}

// Of the Tenant Node's table: what the nodes that are started here are told.
std::vector<Variable> LaunchedRows() {
  return {
    {"", "GATEWAY_JWKS", "", TextRule{&C::gateway_jwks, IsKeysPlace, "a path, a URL like http://127.0.0.1:8080/auth/jwks.json, several with commas between them, or nothing"},
     "The public keys of the Auth Gateway, and of an Operation Node that queries several tenants (its /jwks.json): files or URLs, with commas between them; with it the node answers only what comes through the gateway, within the rights that it tells"},
    {"", "NODE_SILENCE_SECONDS", "600", WholeRule{&C::node_silence_seconds, 1, 86'400}, "A node that neither takes nor sends a byte; then 504, or the answer is cut"},
    {"", "METADATA_CATALOG_URL", "", TextRule{&C::metadata_catalog_url, IsUrlOrNothing, "a URL like http://127.0.0.1:8083, or nothing"},
     "The Metadata Catalog that a Tenant Node tells what its sources are made of, and whose policies of merging it follows; nothing: it does without"},
    {"", "GATEWAY_REQUIRED", "true", SwitchRule{&C::gateway_required}, "With GATEWAY_JWKS: this machine too is answered only through the gateway; false: as without a gateway, and within their rights those who come through it"},
  };
}
// clang-format on

std::vector<Variable> MakeOperationTable() {
  std::vector<Variable> out;
  const auto add = [&out](std::vector<Variable> rows) {
    std::ranges::move(rows, std::back_inserter(out));
  };
  add(OperationRows());
  add(hosting::FleetVariables());
  add(hosting::PlaceVariables());
  add(hosting::PortVariables());
  add(hosting::AccessVariables());
  add(LaunchedRows());
  add(hosting::RequestVariables());
  add(hosting::LogVariables());
  return out;
}

}  // namespace

std::span<const Variable> ConfigTable() {
  static const std::vector<Variable> table = MakeOperationTable();
  return table;
}

Result<Config> LoadConfig(const hosting::ConfigSources& sources) {
  Config config;
  GRANARY_TRY(hosting::LoadVariables(sources, ConfigTable(), config));
  std::vector<std::string> complaints;
  hosting::CheckServer(config, complaints);
  if (config.node_suspect_seconds <= config.heartbeat_seconds)
    complaints.push_back("NODE_SUSPECT_SECONDS must be more than HEARTBEAT_SECONDS");
  if (config.node_dead_seconds <= config.node_suspect_seconds)
    complaints.push_back("NODE_DEAD_SECONDS must be more than NODE_SUSPECT_SECONDS");
  CheckLaunching(config, complaints);
  if (!config.auth_gateway_url.empty() && config.operation_node_key.empty())
    complaints.push_back(
        "AUTH_GATEWAY_URL is given: the gateway ends users and keys only for OPERATION_NODE_KEY, "
        "which must be set, too, and be the gateway's");
  GRANARY_TRY(hosting::ToStatus(complaints));
  return config;
}

std::string FolderOf(const Config& config) {
  return io::JoinPath(config.data_path, "operation_node");
}

std::string KeysFileOf(const Config& config) { return io::JoinPath(FolderOf(config), "jwks.json"); }

metadata::Options MakeMetadataOptions(const Config& config, const std::string& owner) {
  metadata::Options out;
  out.type = *metadata::ParseStoreType(config.metadata_type);
  out.file = io::JoinPath(FolderOf(config), "metadata.sqlite");
  out.host = config.metadata_host;
  out.port = config.metadata_port;
  out.database = config.metadata_database;
  out.user = config.metadata_user;
  out.password = config.metadata_password;
  out.tls = config.metadata_tls;
  out.timeout_ms = config.metadata_timeout_ms;
  out.owner = owner;
  return out;
}

}  // namespace granary::operation
