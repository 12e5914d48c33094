#include "granary/services/tenant_node/config.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "granary/tenant/node_memory.h"

namespace granary::services {
namespace {

constexpr std::uint64_t kMemoryLimitPercent = 60;
constexpr std::int64_t kMemoryLimitUnknownMb = 4096;  // Where nobody says what the machine has.
constexpr std::int64_t kQueryShareParts = 8;

void Derive(std::string_view name, std::int64_t value, std::string origin,
            std::int64_t Config::*member, Config& config) {
  if (config.*member != 0) return;
  config.*member = value;
  const auto shown = std::ranges::find(config.values, name, &ConfigValue::name);
  shown->text = fmt::format("{}", value);
  if (shown->origin != "default") origin = fmt::format("{} ({})", origin, shown->origin);
  shown->origin = std::move(origin);
}

void DeriveMemory(const MachineMemory& memory, Config& config) {
  const std::uint64_t machine_mb = memory.bytes >> 20;
  const auto limit = std::max(kNodeMemoryLeastMb,
                              static_cast<std::int64_t>(machine_mb * kMemoryLimitPercent / 100));
  Derive("MEMORY_LIMIT_MB", memory.bytes == 0 ? kMemoryLimitUnknownMb : limit,
         memory.bytes == 0 ? "default"
                           : fmt::format("default: {} % of the {} MiB of {}", kMemoryLimitPercent,
                                         machine_mb, memory.of),
         &Config::memory_limit_mb, config);
  Derive("QUERY_MEMORY_MB", std::max<std::int64_t>(config.memory_limit_mb / kQueryShareParts, 1),
         "default: an eighth of MEMORY_LIMIT_MB", &Config::query_memory_mb, config);
}

// Values that are fine alone but not together.
void CheckTogether(const Config& config, std::vector<std::string>& complaints) {
  const auto ordered = [&](std::string_view less, double a, std::string_view more, double b) {
    if (a > b)
      complaints.push_back(
          fmt::format("{} is {}, allowed: at most {}, which is {}", less, a, more, b));
  };
  if (config.memory_limit_mb < kNodeMemoryLeastMb) {
    complaints.push_back(fmt::format("MEMORY_LIMIT_MB is {}, allowed: 0, or at least {}",
                                     config.memory_limit_mb, kNodeMemoryLeastMb));
  }
  ordered("QUERY_MEMORY_MB", static_cast<double>(config.query_memory_mb), "MEMORY_LIMIT_MB",
          static_cast<double>(config.memory_limit_mb));
  hosting::CheckServer(config, complaints);
  ordered("MIN_WORKERS", static_cast<double>(config.min_workers), "MAX_WORKERS",
          static_cast<double>(config.max_workers));
  ordered("SCALE_DOWN_THRESHOLD_CPU", config.scale_down_threshold_cpu, "SCALE_UP_THRESHOLD_CPU",
          config.scale_up_threshold_cpu);
  ordered("SCALE_DOWN_THRESHOLD_MEMORY", config.scale_down_threshold_memory,
          "SCALE_UP_THRESHOLD_MEMORY", config.scale_up_threshold_memory);
  ordered("MIN_FILE_SIZE_MB", config.min_file_size_mb, "TARGET_FILE_SIZE_MB",
          config.target_file_size_mb);
  ordered("COMPACTION_DEBT_SLOW_FILES", static_cast<double>(config.compaction_debt_slow_files),
          "COMPACTION_DEBT_MAX_FILES", static_cast<double>(config.compaction_debt_max_files));
  ordered("TARGET_FILE_SIZE_MB", config.target_file_size_mb, "MAX_FILE_SIZE_MB",
          config.max_file_size_mb);
}

}  // namespace

Result<Config> LoadConfig(const ConfigSources& sources) {
  Config config;
  GRANARY_TRY(hosting::LoadVariables(sources, ConfigTable(), config));
  DeriveMemory(sources.memory, config);
  std::vector<std::string> complaints;
  CheckTogether(config, complaints);
  GRANARY_TRY(hosting::ToStatus(complaints));
  return config;
}

}  // namespace granary::services
