#include "granary/services/monitoring/monitoring.h"

#include <cstdio>
#include <mutex>
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
  std::string Federated(std::string own) const;

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
std::string Monitoring::State::Federated(std::string own) const {
  FederatedText text;
  text.Add("monitoring", ReadExposition(own));
  const auto found = FindDesk();
  if (!found.ok()) return text.Render();
  for (const Scrape& scrape : (*found)->monitor.Scrapes())
    if (scrape.target.service != "monitoring") text.Add(scrape.target.service, scrape.metrics);
  return text.Render();
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
  common.sample = [this](std::vector<hosting::Sample>& samples) {
    const auto found = FindDesk();
    if (!found.ok()) return;
    samples.push_back({"granary_monitoring_rounds_total", "Looks at all services",
                       static_cast<double>((*found)->monitor.rounds()), true});
    samples.push_back({"granary_monitoring_alerts", "Alerts that fire or are about to",
                       static_cast<double>((*found)->monitor.Alerts().size())});
  };
  common.expose = [this](std::string own) { return Federated(std::move(own)); };
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
