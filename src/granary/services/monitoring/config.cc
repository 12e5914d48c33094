#include "granary/services/monitoring/config.h"

#include <algorithm>

#include "granary/hosting/server_options.h"
#include "granary/services/monitoring/webhook.h"

namespace granary::services {
namespace {

using C = MonitoringConfig;
using hosting::SwitchRule;
using hosting::TextRule;
using hosting::Variable;
using hosting::WholeRule;

bool IsTargets(std::string_view text) { return ParseTargets(text).ok(); }
// What CloudWatch takes.
bool IsNamespace(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_/#:").find(c) != std::string_view::npos;
  });
}
bool IsUrlOrNothing(std::string_view text) { return text.empty() || Webhook::IsUrl(text); }

// clang-format off
std::vector<Variable> MonitoringRows() {
  return {
    {"Monitoring", "MONITORING_TARGETS", "", TextRule{&C::monitoring_targets, IsTargets, "NAME=URL, several with commas, or nothing"},
     "The services that are looked at, such as tenant-node=http://10.0.0.7:8000; nothing: those that this version has, at their ports on this machine, without TLS"},
    {"", "SCRAPE_INTERVAL_SECONDS", "15", WholeRule{&C::scrape_interval_seconds, 1, 3600}, "How often"},
    {"", "SCRAPE_TIMEOUT_MS", "2000", WholeRule{&C::scrape_timeout_ms, 1, 60'000}, "A service that takes longer for an answer is down"},
    {"", "SCRAPE_NODES_MAX", "200", WholeRule{&C::scrape_nodes_max, 0, 5'000}, "Tenant Nodes that are looked at, which the Operation Node among MONITORING_TARGETS knows; 0: none"},
    {"", "SCRAPE_NODES_AT_ONCE", "16", WholeRule{&C::scrape_nodes_at_once, 1, 256}, "Of these, so many at once"},
    {"", "SCRAPE_NODE_SERIES_MAX", "5000", WholeRule{&C::scrape_node_series_max, 100, 20'000}, "Numbers that each of them may have, whatever it says; others are passed over"},
    {"", "SERIES_RETENTION_DAYS", "7", WholeRule{&C::series_retention_days, 1, 3650}, "What was measured is kept for so long"},
    {"", "SERIES_MEMORY_MB", "128", WholeRule{&C::series_memory_mb, 16, 65'536}, "Memory for keeping it and reading it"},
    {"", "ALERT_RULES_FILE", "", TextRule{&C::alert_rules_file, hosting::IsOptionalPath, "a path, or nothing"}, "JSON file of alert rules; nothing: a few that every system wants"},
    {"", "ALERT_WEBHOOK_URL", "", TextRule{&C::alert_webhook_url, IsUrlOrNothing, "an http or https URL, or nothing"}, "Gets a POST when an alert begins or ceases to fire"},
    {"", "CLOUDWATCH_EMF", "false", SwitchRule{&C::cloudwatch_emf}, "After each look, a line a service on stdout that Amazon CloudWatch makes metrics of (embedded metric format)"},
    {"", "CLOUDWATCH_NAMESPACE", "Granary", TextRule{&C::cloudwatch_namespace, IsNamespace, "1 to 255 letters, digits and . - _ / # :"}, "Under which they stand there"},
  };
}
// clang-format on

}  // namespace

std::span<const Variable> MonitoringConfigTable() {
  static const std::vector<Variable> table = hosting::ServiceTable(MonitoringRows());
  return table;
}

Result<MonitoringConfig> LoadMonitoringConfig(const hosting::ConfigSources& sources) {
  return hosting::LoadConfig<MonitoringConfig>(sources, MonitoringConfigTable());
}

std::vector<Target> TargetsOf(const MonitoringConfig& config) {
  if (!config.monitoring_targets.empty()) return ParseTargets(config.monitoring_targets).Take();
  const auto at = [&config](std::string service, std::int64_t port) {
    return Target{std::move(service), hosting::OwnUrl(config, port)};
  };
  return {at("auth-gateway", config.auth_gateway_port),
          at("operation-node", config.operation_node_port),
          at("tenant-node", config.rest_port),
          at("cbo-engine", config.cbo_engine_port),
          at("metadata-catalog", config.metadata_catalog_port),
          at("monitoring", config.monitoring_port)};
}

}  // namespace granary::services
