// CboConfig: what an operator chooses for the CBO Engine.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config.h"

namespace granary::services {

struct CboConfig : hosting::ServerConfig {
  std::int64_t cbo_fit_interval_seconds = 0, cbo_fit_records = 0;
  std::int64_t cbo_replay_records = 0, cbo_history_days = 0;
  std::string grpc_host;
  std::int64_t cbo_engine_grpc_port = 0;
};

std::span<const hosting::Variable> CboConfigTable();
/// kInvalidArgument, as hosting::LoadVariables.
Result<CboConfig> LoadCboConfig(const hosting::ConfigSources& sources);

}  // namespace granary::services
