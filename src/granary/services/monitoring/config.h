// Config: what an operator chooses about Monitoring.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/hosting/config.h"
#include "granary/hosting/server_config.h"
#include "granary/services/monitoring/scrape.h"

namespace granary::services {

struct MonitoringConfig : hosting::ServerConfig {
  std::string monitoring_targets, alert_rules_file, alert_webhook_url;
  bool cloudwatch_emf = false;
  std::string cloudwatch_namespace;
  std::int64_t scrape_interval_seconds = 0, scrape_timeout_ms = 0, series_retention_days = 0,
               series_memory_mb = 0;
  std::int64_t scrape_nodes_max = 0, scrape_nodes_at_once = 0, scrape_node_series_max = 0;
};

std::span<const hosting::Variable> MonitoringConfigTable();

/// kInvalidArgument, listing every bad value.
Result<MonitoringConfig> LoadMonitoringConfig(const hosting::ConfigSources& sources);

/// MONITORING_TARGETS; when that is empty, each service of this version at its port on this
/// machine.
std::vector<Target> TargetsOf(const MonitoringConfig& config);

}  // namespace granary::services
