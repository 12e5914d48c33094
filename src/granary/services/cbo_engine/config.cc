#include "granary/services/cbo_engine/config.h"

#include <string>
#include <vector>

namespace granary::services {
namespace {

using C = CboConfig;
using hosting::IsHost;
using hosting::Port;
using hosting::TextRule;
using hosting::Variable;
using hosting::WholeRule;

// clang-format off
std::vector<Variable> CboRows() {
  return {
    {"CBO Engine: learns the cost model of all nodes", "CBO_FIT_INTERVAL_SECONDS", "30", WholeRule{&C::cbo_fit_interval_seconds, 1, 86'400}, "How often a candidate is fitted, if there is feedback"},
    {"", "CBO_FIT_RECORDS", "50", WholeRule{&C::cbo_fit_records, 1, 1'000'000}, "… at least so many records of it"},
    {"", "CBO_REPLAY_RECORDS", "2000", WholeRule{&C::cbo_replay_records, 10, 100'000}, "Newest records that candidates are fitted to and replayed over"},
    {"", "CBO_HISTORY_DAYS", "30", WholeRule{&C::cbo_history_days, 1, 36'500}, "So long records of executed queries are kept"},
    {"", "GRPC_HOST", "0.0.0.0", TextRule{&C::grpc_host, IsHost, "an address or a host name"}, "gRPC server host"},
    {"", "CBO_ENGINE_GRPC_PORT", "50052", Port(&C::cbo_engine_grpc_port), "Its gRPC API, where it serves one (granary cbo-engine both); 0 picks a free port"},
  };
}
// clang-format on

}  // namespace

std::span<const Variable> CboConfigTable() {
  static const std::vector<Variable> kTable = hosting::ServiceTable(CboRows());
  return kTable;
}

Result<CboConfig> LoadCboConfig(const hosting::ConfigSources& sources) {
  return hosting::LoadConfig<CboConfig>(sources, CboConfigTable());
}

}  // namespace granary::services
