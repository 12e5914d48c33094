#include "granary/services/up/run.h"

#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "granary/base/log.h"
#include "granary/hosting/server_options.h"
#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/security/digest.h"
#include "granary/services/auth_gateway/gateway.h"
#include "granary/services/auth_gateway/run.h"
#include "granary/services/cbo_engine/engine.h"
#include "granary/services/metadata_catalog/catalog.h"
#include "granary/services/monitoring/config.h"
#include "granary/services/monitoring/log_sources.h"
#include "granary/services/monitoring/monitoring.h"
#include "granary/services/operation_node/operation_node.h"
#include "granary/services/tenant_node/node.h"
#include "granary/services/tenant_node/run_flags.h"
#include "granary/services/up/config.h"

namespace granary::services {
namespace {

// What one service of this process shows another where no OPERATION_NODE_KEY is set.
constexpr std::size_t kSecretLetters = 43;

struct UpConfig {
  Config node;
  gateway::Config gateway;
  MonitoringConfig monitoring;
  CboConfig cbo;
  operation::Config operation;
  catalog::Config catalog;
  UpOwnConfig own;
};

Result<UpConfig> LoadAll(const hosting::ConfigSources& sources) {
  UpConfig out;
  GRANARY_ASSIGN(out.node, ReadConfig(sources));
  // Before what the services themselves make of it.
  if (!out.node.tls_cert_file.empty()) {
    return Status(
        Code::kInvalidArgument,
        "TLS_CERT_FILE is set, and the services of granary up ask each other without TLS: "
        "run each by itself, or put a proxy that speaks TLS before them");
  }
  GRANARY_ASSIGN(out.gateway, gateway::LoadConfig(sources));
  GRANARY_ASSIGN(out.monitoring, LoadMonitoringConfig(sources));
  GRANARY_ASSIGN(out.operation, operation::LoadConfig(sources));
  GRANARY_ASSIGN(out.cbo, LoadCboConfig(sources));
  GRANARY_ASSIGN(out.catalog, catalog::LoadConfig(sources));
  GRANARY_ASSIGN(out.own, LoadUpConfig(sources));
  return out;
}

// Each service's lines say which it is, and are kept apart.
class LoggersOfUp {
 public:
  explicit LoggersOfUp(const Logger& like) : like_(like) {}

  Logger& Of(const std::string& service) {
    std::unique_ptr<Logger>& log = logs_[service];
    if (log == nullptr) log = like_.For(service);
    return *log;
  }
  LogSources::Rings Rings() const {
    LogSources::Rings out;
    for (const auto& [service, log] : logs_) out[service] = log->ring();
    return out;
  }

 private:
  const Logger& like_;
  std::map<std::string, std::unique_ptr<Logger>> logs_;
};

// What listens, in the order in which it is opened.
struct UpServices {
  hosting::Services services;
  std::string welcome;  ///< Where each is.
};

// The key that the first start of the gateway makes, between two services of this process.
struct FirstKey {
  std::mutex mutex;
  std::string text;
};

void AddDemo(const UpConfig& config, DemoOptions options, ImportFn import, LoggersOfUp& logs,
             const std::shared_ptr<FirstKey>& first_key, UpServices& out) {
  if (config.own.demo_data.empty()) {
    out.welcome +=
        "\nThere is no demo tenant: DEMO_DATA names no folder of CSV files. ./dev run has one, of "
        "the real data\nthat set-up downloads; granary import brings your own.\n";
    return;
  }
  options.data = config.own.demo_data;
  options.folder = io::JoinPath(config.node.data_path, "demo");
  options.fleet_key = config.node.operation_node_key;
  options.first_key = [first_key] {
    const std::lock_guard lock(first_key->mutex);
    return first_key->text;
  };
  options.import = std::move(import);
  out.services.push_back(std::make_unique<DemoTenant>(std::move(options), logs.Of("demo")));
  out.welcome += fmt::format(
      "\nA first start also makes the tenant '{}' with the data of {}: it says when it is there.\n",
      kDemoTenant, config.own.demo_data);
}

Result<UpServices> ListenAll(UpConfig config, LoggersOfUp& logs, io::Failpoints& failpoints,
                             const ImportFn& import) {
  UpServices out;
  const auto first_key = std::make_shared<FirstKey>();
  const auto url = [&config](std::uint16_t port) { return hosting::OwnUrl(config.node, port); };
  const auto add = [&](std::string_view what, std::unique_ptr<hosting::Service> service,
                       std::uint16_t port) {
    out.welcome += fmt::format("  {:<16} {}\n", what, url(port));
    out.services.push_back(std::move(service));
  };
  const auto add_grpc = [&out](const std::string& host, std::uint16_t port) {
    out.welcome += fmt::format("  {:<16} {}\n", "  gRPC", hosting::OwnAddress(host, port));
  };
  // An operator who names a gateway's keys means that nobody comes around it. Else this machine is
  // answered as without a gateway, and others come through ours.
  const bool names_keys = !config.node.gateway_jwks.empty();
  if (!names_keys) {
    config.node.gateway_jwks = config.gateway.data_path + "/auth/jwks.json";
    config.node.gateway_required = false;
  }
  GRANARY_ASSIGN(auto cbo,
                 CboEngine::Listen(config.cbo, logs.Of("cbo-engine"), hosting::Doors::kBoth));
  const std::uint16_t cbo_port = cbo->port(), cbo_grpc_port = cbo->grpc_port();
  config.monitoring.cbo_engine_port = cbo_port;
  if (config.node.cbo_engine_url.empty()) config.node.cbo_engine_url = url(cbo_port);
  GRANARY_ASSIGN(auto metadata,
                 catalog::MetadataCatalog::Listen(config.catalog, logs.Of("metadata-catalog")));
  const std::uint16_t catalog_port = metadata->port();
  config.monitoring.metadata_catalog_port = catalog_port;
  if (config.node.metadata_catalog_url.empty())
    config.node.metadata_catalog_url = url(catalog_port);
  config.operation.metadata_catalog_url = config.node.metadata_catalog_url;
  // It takes over the tenant of the node beside it, and launches others that serve as that one
  // does.
  config.operation.adopt_tenants = true;
  config.operation.gateway_jwks = config.node.gateway_jwks;
  config.operation.gateway_required = config.node.gateway_required;
  // So that it can ask the node beside it; nodes that it launches know its own keys anyway.
  config.node.gateway_jwks += "," + operation::KeysFileOf(config.operation);
  GRANARY_ASSIGN(auto operation,
                 operation::OperationNode::Listen(config.operation, logs.Of("operation-node")));
  const std::uint16_t operation_port = operation->port();
  operation::OperationNode& operation_node = *operation;
  config.monitoring.operation_node_port = operation_port;
  if (config.node.operation_node_url.empty()) {
    config.node.operation_node_url = url(operation_port);
    config.gateway.operation_node_url = config.node.operation_node_url;
  }
  add("Operation Node", std::move(operation), operation_port);
  GRANARY_ASSIGN(auto node, TenantNode::Listen(config.node, logs.Of("tenant-node"), failpoints,
                                               hosting::Doors::kBoth));
  // Where they are found is known only now, when a port was to be any that is free.
  const std::uint16_t node_port = node->port(), grpc_port = node->grpc_port();
  config.gateway.node_url = url(node_port);
  if (config.operation.operation_node_key.empty()) {
    io::SystemRandom random;
    config.gateway.process_secret = security::RandomText(random, kSecretLetters);
  }
  GRANARY_ASSIGN(auto gateway,
                 gateway::AuthGateway::Listen(config.gateway, logs.Of("auth-gateway"),
                                              [first_key](const std::string& key) {
                                                gateway::ShowFirstKey(key);
                                                const std::lock_guard lock(first_key->mutex);
                                                first_key->text = key;
                                              }));
  const std::uint16_t gateway_port = gateway->port();
  if (config.operation.auth_gateway_url.empty())
    operation_node.SetGateway(url(gateway_port), config.gateway.process_secret);
  config.monitoring.rest_port = node_port;
  config.monitoring.auth_gateway_port = gateway_port;
  add("Auth Gateway", std::move(gateway), gateway_port);
  // Before the node, which asks them at once.
  add("CBO Engine", std::move(cbo), cbo_port);
  add_grpc(config.cbo.grpc_host, cbo_grpc_port);
  add("Metadata Catalog", std::move(metadata), catalog_port);
  add("Tenant Node", std::move(node), node_port);
  add_grpc(config.node.grpc_host, grpc_port);
  LogSources::Rings rings = logs.Rings();  // Of all but the one that shows them.
  GRANARY_ASSIGN(auto monitoring,
                 Monitoring::Listen(config.monitoring, logs.Of("monitoring"), std::move(rings)));
  const std::uint16_t monitoring_port = monitoring->port();
  add("Monitoring", std::move(monitoring), monitoring_port);
  AddDemo(config, {.operation_url = url(operation_port), .gateway_url = url(gateway_port)}, import,
          logs, first_key, out);
  const std::string fleet_key = config.node.operation_node_key.empty()
                                    ? ""
                                    : "-H \"Authorization: Bearer $OPERATION_NODE_KEY\" ";
  out.welcome += fmt::format(
      "\nTry:\n"
      "  {}/ in a browser: the console, with the key\n"
      "  curl {}/health/all\n"
      "  curl {}{}/tenants\n"
      "  curl {}{}/metadata/sources\n"
      "  export GRANARY_API_KEY=gk_…    # the key that the first start printed\n"
      "  curl -H \"X-API-Key: $GRANARY_API_KEY\" {}/auth/me\n"
      "  granary import your.csv --source yours --url {}\n"
      "  granary query yours --url {}\n",
      url(monitoring_port), url(monitoring_port), fleet_key, url(operation_port), fleet_key,
      url(catalog_port), url(gateway_port), url(gateway_port), url(gateway_port));
  return out;
}

struct Up {
  UpConfig config;
  std::unique_ptr<LoggersOfUp> logs;  // The services write there until they are gone.
  io::Failpoints failpoints;
  std::string welcome;
};

}  // namespace

hosting::ServiceProgram UpProgram(ImportFn import) {
  const auto up = std::make_shared<Up>();
  hosting::ServiceProgram program{.name = "up", .about = "Serve all services of one machine"};
  program.load = [up](const hosting::ConfigSources& sources, hosting::ServerConfig& shared) {
    GRANARY_ASSIGN(up->config, LoadAll(sources));
    shared = up->config.node;
    return Status::Ok();
  };
  program.listen = [up, import = std::move(import)](Logger& log) -> Result<hosting::Services> {
    up->logs = std::make_unique<LoggersOfUp>(log);
    GRANARY_ASSIGN(UpServices all, ListenAll(up->config, *up->logs, up->failpoints, import));
    up->welcome = std::move(all.welcome);
    return std::move(all.services);
  };
  program.opened = [up] {
    fmt::print("Granary is up:\n{}", up->welcome);
    std::fflush(stdout);
  };
  return program;
}

}  // namespace granary::services
