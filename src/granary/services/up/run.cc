#include "granary/services/up/run.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "granary/base/log.h"
#include "granary/hosting/process_stats.h"
#include "granary/hosting/serve.h"
#include "granary/hosting/server_options.h"
#include "granary/io/failpoint.h"
#include "granary/services/auth_gateway/gateway.h"
#include "granary/services/auth_gateway/run.h"
#include "granary/services/monitoring/config.h"
#include "granary/services/monitoring/monitoring.h"
#include "granary/services/tenant_node/node.h"
#include "granary/services/tenant_node/run_flags.h"

namespace granary::services {
namespace {

constexpr std::string_view kName = "granary up";
constexpr int kStartFailed = 1;
constexpr int kWrongUsage = 2;

struct UpConfig {
  Config node;
  gateway::Config gateway;
  MonitoringConfig monitoring;
};

Result<UpConfig> LoadAll(const hosting::ConfigFlags& flags, hosting::KnowsVariable known) {
  GRANARY_ASSIGN(const hosting::ConfigSources sources,
                 hosting::ReadSources(flags, std::move(known)));
  UpConfig out;
  GRANARY_ASSIGN(out.node, ReadConfig(sources));
  GRANARY_ASSIGN(out.gateway, gateway::LoadConfig(sources));
  GRANARY_ASSIGN(out.monitoring, LoadMonitoringConfig(sources));
  return out;
}

// What listens, in the order in which it is opened.
struct UpServices {
  std::vector<std::unique_ptr<hosting::Service>> services;
  std::string welcome;  ///< Where each is.
};

Result<UpServices> ListenAll(UpConfig config, Logger& log, io::Failpoints& failpoints) {
  UpServices out;
  const auto add = [&out](std::string_view what, std::unique_ptr<hosting::Service> service,
                          std::uint16_t port) {
    out.welcome += fmt::format("  {:<16} http://127.0.0.1:{}\n", what, port);
    out.services.push_back(std::move(service));
  };
  // An operator who names a gateway's keys means that nobody comes around it. Else this machine is
  // answered as without a gateway, and others come through ours.
  if (config.node.gateway_jwks.empty()) {
    config.node.gateway_jwks = config.gateway.data_path + "/auth/jwks.json";
    config.node.gateway_required = false;
  }
  GRANARY_ASSIGN(auto node, TenantNode::Listen(config.node, log, failpoints, Doors::kBoth));
  // Where they are found is known only now, when a port was to be any that is free.
  const std::uint16_t node_port = node->port(), grpc_port = node->grpc_port();
  config.gateway.node_url = fmt::format("http://127.0.0.1:{}", node_port);
  GRANARY_ASSIGN(auto gateway,
                 gateway::AuthGateway::Listen(config.gateway, log, gateway::ShowFirstKey));
  const std::uint16_t gateway_port = gateway->port();
  config.monitoring.rest_port = node_port;
  config.monitoring.auth_gateway_port = gateway_port;
  add("Auth Gateway", std::move(gateway), gateway_port);
  add("Tenant Node", std::move(node), node_port);
  out.welcome += fmt::format("  {:<16} 127.0.0.1:{}\n", "  gRPC", grpc_port);
  GRANARY_ASSIGN(auto monitoring, Monitoring::Listen(config.monitoring, log));
  const std::uint16_t monitoring_port = monitoring->port();
  add("Monitoring", std::move(monitoring), monitoring_port);
  out.welcome += fmt::format(
      "\nTry:\n"
      "  curl http://127.0.0.1:{}/health/all\n"
      "  curl -H 'X-API-Key: gk_…' http://127.0.0.1:{}/auth/me\n"
      "  granary import your.csv --source yours --url http://127.0.0.1:{}\n"
      "  granary query yours --url http://127.0.0.1:{}\n",
      monitoring_port, gateway_port, node_port, node_port);
  return out;
}

}  // namespace

void AddUpFlags(CLI::App& app, hosting::ConfigFlags& flags) { hosting::AddConfigFlags(app, flags); }

int RunUp(const std::vector<std::string>& args, hosting::KnowsVariable known_elsewhere) {
  hosting::ConfigFlags flags;
  CLI::App app("Serves all services of one machine in one process", std::string(kName));
  AddUpFlags(app, flags);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  const Result<UpConfig> config = LoadAll(flags, std::move(known_elsewhere));
  if (!config.ok()) {
    fmt::print(stderr, "{}: {}\n", kName, config.status().message());
    return kWrongUsage;
  }
  hosting::StopSignals signals;
  hosting::RaiseDescriptorLimit();
  Logger log(hosting::MakeLogLevel(config->node),
             hosting::MakeLogFormat(config->node, ::isatty(STDERR_FILENO) == 1));
  io::Failpoints failpoints;
  Result<UpServices> up = ListenAll(*config, log, failpoints);
  if (!up.ok()) {
    log.Error("cannot start",
              {{"code", CodeName(up.status().code())}, {"error", up.status().message()}});
    return kStartFailed;
  }
  return hosting::Serve(up->services, signals, log, [&up] {
    fmt::print("Granary is up:\n{}", up->welcome);
    std::fflush(stdout);
  });
}

}  // namespace granary::services
