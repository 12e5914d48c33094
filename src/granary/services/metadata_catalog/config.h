// Config: what an operator chooses about a Metadata Catalog.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config.h"
#include "granary/hosting/server_config.h"

namespace granary::catalog {

struct Config : hosting::ServerConfig {
  std::int64_t snapshots_kept = 0, compactions_kept = 0;
  std::int64_t max_sources = 0, max_files = 0, max_policies = 0;
  bool schedule_enabled = false;
  std::int64_t merges_max = 0;
};

std::span<const hosting::Variable> ConfigTable();
/// kInvalidArgument, listing every bad value.
Result<Config> LoadConfig(const hosting::ConfigSources& sources);

/// Below DATA_PATH: what a Metadata Catalog keeps.
std::string FolderOf(const Config& config);

}  // namespace granary::catalog
