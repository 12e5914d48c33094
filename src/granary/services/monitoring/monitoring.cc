#include "granary/services/monitoring/monitoring.h"

#include <cstdio>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "granary/hosting/common_routes.h"
#include "granary/hosting/rest_door.h"
#include "granary/hosting/server_options.h"
#include "granary/hosting/service_name.h"
#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/services/monitoring/access.h"
#include "granary/services/monitoring/console_routes.h"
#include "granary/services/monitoring/console_shell.h"
#include "granary/services/monitoring/fleet_link.h"
#include "granary/services/monitoring/fleet_routes.h"
#include "granary/services/monitoring/gateway_link.h"
#include "granary/services/monitoring/monitoring_openapi.h"
#include "granary/services/monitoring/routes.h"

namespace granary::services {
namespace {

constexpr std::string_view kFolder = "monitoring";
constexpr std::string_view kGatewayService = "auth-gateway";

constexpr std::string_view kOperationService = "operation-node";

// Empty when it is not looked at.
std::string UrlOf(std::string_view service, const MonitoringConfig& config) {
  for (const Target& target : TargetsOf(config))
    if (target.service == service) return target.url;
  return {};
}

// stdout is what an agent of CloudWatch reads; log lines go to stderr. One call, so that lines stay
// whole whoever else prints.
void PrintLine(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

Result<std::vector<AlertRule>> RulesOf(const MonitoringConfig& config, io::FileSystem& files) {
  if (config.alert_rules_file.empty()) return DefaultAlertRules();
  GRANARY_ASSIGN(const std::string text, files.ReadFile(config.alert_rules_file));
  Result<std::vector<AlertRule>> rules = ParseAlertRules(text);
  const Status status = rules.ok() ? CheckServices(*rules, TargetsOf(config)) : rules.status();
  if (status.ok()) return rules;
  return Status(Code::kInvalidArgument, fmt::format("ALERT_RULES_FILE '{}': {}",
                                                    config.alert_rules_file, status.ToString()));
}

}  // namespace

struct Monitoring::State {
  State(const MonitoringConfig& chosen, Logger& logger, LogSources::Rings others)
      : config(chosen),
        log(logger),
        rings(std::move(others)),
        metrics(GRANARY_VERSION, {}),
        gateway(UrlOf(kGatewayService, chosen), clock),
        fleet(UrlOf(kOperationService, chosen), chosen.operation_node_key) {}

  Status ListenRest();
  hosting::Router MakeRouter();
  Result<std::shared_ptr<MonitoringDesk>> FindDesk() const {
    const std::lock_guard lock(mutex);
    if (desk == nullptr) return why_not;
    return desk;
  }
  std::string Federated(const std::string& own, std::optional<std::string_view> only) const;
  void Sample(std::vector<hosting::Sample>& samples) const;

  const MonitoringConfig config;
  Logger& log;
  LogSources::Rings rings;
  io::SystemClock clock;
  io::PosixFileSystem files;
  hosting::Metrics metrics;
  hosting::ServerHandle server;
  GatewayLink gateway;
  FleetLink fleet;
  std::unique_ptr<SeriesStore> series;
  std::unique_ptr<SilenceBook> silences;
  std::unique_ptr<Monitor> monitor;
  std::unique_ptr<LogSources> logs;
  mutable std::mutex mutex;
  std::shared_ptr<MonitoringDesk> desk;
  Status why_not{Code::kUnavailable, "the service is starting; try again soon"};
  std::unique_ptr<hosting::RestDoor> rest;
  bool stopped = false;
};

// Our own numbers as they are now, the others' as they were last seen.
std::string Monitoring::State::Federated(const std::string& own,
                                         std::optional<std::string_view> only) const {
  FederatedText text;
  const auto add = [&](std::string_view service, const Exposition& metrics,
                       std::string_view node = {}) {
    if (!only || *only == service) text.Add(service, metrics, node);
  };
  add(hosting::kMonitoring, ReadExposition(own));
  const auto found = FindDesk();
  if (!found.ok() || only == hosting::kMonitoring) return text.Render();
  for (const Scrape& scrape : (*found)->monitor.Scrapes())
    if (scrape.target.service != hosting::kMonitoring) add(scrape.target.service, scrape.metrics);
  if (const NodesSeenPtr nodes = (*found)->monitor.Nodes(); nodes != nullptr) {
    for (const NodeSeen& node : nodes->nodes)
      add(node.scrape.target.service, node.scrape.metrics, node.node.id);
  }
  return text.Render();
}

// Numbers about what is looked at.
void Monitoring::State::Sample(std::vector<hosting::Sample>& samples) const {
  const auto found = FindDesk();
  if (!found.ok()) return;
  const Monitor& monitor = (*found)->monitor;
  samples.push_back({"granary_monitoring_rounds_total", "Looks at all services",
                     static_cast<double>(monitor.rounds()), true});
  samples.push_back({"granary_monitoring_alerts", "Alerts that fire or are about to",
                     static_cast<double>(monitor.Alerts().size())});
  const NodesSeenPtr nodes = monitor.Nodes();
  if (nodes == nullptr || nodes->rounds == 0) return;
  std::size_t series_left_out = 0;
  for (const NodeSeen& node : nodes->nodes) series_left_out += node.series_left_out;
  samples.push_back({"granary_monitoring_node_rounds_total", "Looks at the nodes of the fleet",
                     static_cast<double>(nodes->rounds), true});
  samples.push_back({"granary_monitoring_nodes", "Nodes of the fleet that should run",
                     static_cast<double>(nodes->nodes.size())});
  samples.push_back({"granary_monitoring_fleet_learned",
                     "1 when the last round learned which nodes there are",
                     nodes->learned.ok() ? 1.0 : 0.0});
  samples.push_back({"granary_monitoring_nodes_left_out",
                     "1 when there are more than SCRAPE_NODES_MAX", nodes->has_more ? 1.0 : 0.0});
  samples.push_back({"granary_monitoring_node_series_left_out",
                     "Numbers of nodes past SCRAPE_NODE_SERIES_MAX in the last round",
                     static_cast<double>(series_left_out)});
}

hosting::Router Monitoring::State::MakeRouter() {
  hosting::Router router;
  hosting::CommonRoutes common{.service = "monitoring",
                               .version = GRANARY_VERSION,
                               .openapi = MonitoringOpenApi(),
                               .clock = clock,
                               .metrics = metrics,
                               .server = server};
  common.ready = [this] { return FindDesk().status(); };
  common.sample = [this](std::vector<hosting::Sample>& samples) { Sample(samples); };
  common.expose = [this](const std::string& own, std::optional<std::string_view> service) {
    return Federated(own, service);
  };
  hosting::AddCommonRoutes(std::move(common), router);
  const FindMonitoringDesk find = [this] { return FindDesk(); };
  AddHealthRoutes(find, router);
  AddAlertRoutes(find, router);
  AddSeriesRoutes(find, router);
  AddUsageRoutes(find, router);
  AddLogRoutes(find, router);
  AddConsoleShell(router);
  AddConsoleRoutes(gateway, router);
  AddFleetRoutes(fleet, router);
  return router;
}

Status Monitoring::State::ListenRest() {
  net::HttpServerOptions options = hosting::MakeServerOptions(config, config.monitoring_port);
  GRANARY_ASSIGN(options.tls, hosting::LoadTls(config, files));
  hosting::DispatcherOptions dispatch;
  dispatch.service = hosting::kMonitoring;
  dispatch.check_access = [this](net::HttpRequest& request) {
    return CheckMonitoringAccess(request, config, gateway);
  };
  GRANARY_ASSIGN(rest, hosting::RestDoor::Listen(std::move(options), log, clock, metrics,
                                                 MakeRouter(), std::move(dispatch), server));
  log.Info("listening", {{"host", config.rest_host}, {"port", rest->port()}});
  return Status::Ok();
}

Monitoring::Monitoring(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Monitoring>> Monitoring::Listen(const MonitoringConfig& config, Logger& log,
                                                       LogSources::Rings rings) {
  rings["monitoring"] = log.ring();
  auto state = std::make_unique<State>(config, log, std::move(rings));
  GRANARY_TRY(state->ListenRest());
  return std::unique_ptr<Monitoring>(new Monitoring(std::move(state)));
}

Monitoring::~Monitoring() {
  if (const Status status = Stop(); !status.ok())
    state_->log.Error("stop failed", {{"error", status.ToString()}});
}

Status Monitoring::Open() {
  State& state = *state_;
  MonitoringConfig found = state.config;
  found.monitoring_port = state.rest->port();  // Any that was free, when 0 was chosen.
  MonitorOptions options{.targets = TargetsOf(found),
                         .interval_ms = state.config.scrape_interval_seconds * 1000,
                         .timeout_ms = state.config.scrape_timeout_ms,
                         .rules = {},
                         .webhook_url = state.config.alert_webhook_url};
  if (state.config.cloudwatch_emf) {
    options.emit = PrintLine;
    options.emf_namespace = state.config.cloudwatch_namespace;
  }
  GRANARY_ASSIGN(options.rules, RulesOf(state.config, state.files));
  if (state.fleet.is_there() && state.config.scrape_nodes_max > 0) {
    options.fleet = NodeWatchOptions{
        .learn =
            [&state](std::size_t nodes_max) {
              return state.fleet.Nodes(nodes_max, state.config.scrape_timeout_ms);
            },
        .operation_url = state.fleet.url(),
        .nodes_max = static_cast<std::size_t>(state.config.scrape_nodes_max),
        .at_once = static_cast<std::size_t>(state.config.scrape_nodes_at_once),
        .series_max = static_cast<std::size_t>(state.config.scrape_node_series_max)};
  }
  const std::string folder = io::JoinPath(state.config.data_path, kFolder);
  GRANARY_TRY(state.files.CreateDirectories(folder));
  GRANARY_ASSIGN(
      state.series,
      SeriesStore::Open(
          {.root = io::JoinPath(folder, "series"),
           .retention_days = state.config.series_retention_days,
           .memory_bytes = static_cast<std::uint64_t>(state.config.series_memory_mb) << 20},
          state.log));
  state.silences = std::make_unique<SilenceBook>(io::JoinPath(folder, "silences.json"), state.files,
                                                 state.clock);
  GRANARY_TRY(state.silences->Load());
  state.monitor = std::make_unique<Monitor>(std::move(options), *state.series, *state.silences,
                                            state.clock, state.log);
  state.logs =
      std::make_unique<LogSources>(state.monitor->targets(), state.rings,
                                   state.config.operation_node_key, state.config.scrape_timeout_ms);
  state.monitor->Start();
  const std::lock_guard lock(state.mutex);
  state.desk = std::make_shared<MonitoringDesk>(
      MonitoringDesk{*state.monitor, *state.series, *state.silences, *state.logs, state.clock});
  state.log.Info("ready", {{"targets", state.monitor->targets().size()},
                           {"rules", state.monitor->rules().size()}});
  return Status::Ok();
}

Status Monitoring::Stop() {
  State& state = *state_;
  if (std::exchange(state.stopped, true)) return Status::Ok();
  state.rest->Stop(state.config.stop_timeout_seconds * 1000);
  {
    const std::lock_guard lock(state.mutex);
    state.desk.reset();
    state.why_not = {Code::kUnavailable, "the service has stopped"};
  }
  if (state.monitor) state.monitor->Stop();
  const Status status = state.series ? state.series->Close() : Status::Ok();
  state.log.Info("stopped");
  return status;
}

std::uint16_t Monitoring::port() const { return state_->rest->port(); }

}  // namespace granary::services
