#include "granary/services/tenant_node/run.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "granary/base/log.h"
#include "granary/hosting/process_stats.h"
#include "granary/hosting/serve.h"
#include "granary/hosting/server_options.h"
#include "granary/io/failpoint.h"
#include "granary/services/tenant_node/config.h"
#include "granary/services/tenant_node/node.h"
#include "granary/services/tenant_node/run_flags.h"

namespace granary::services {
namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

int Complain(const Status& status, int exit_code) {
  fmt::print(stderr, "granary tenant-node: {}\n", status.message());
  return exit_code;
}

// The exit code when there is nothing to run (help, a bad flag).
std::optional<int> ParseFlags(std::vector<std::string> args, RunFlags& flags) {
  CLI::App app("Serves one tenant's data over REST, gRPC or both", "granary tenant-node");
  AddRunFlags(app, flags);
  try {
    std::reverse(args.begin(), args.end());
    app.parse(args);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  return std::nullopt;
}

std::optional<Doors> ParseDoors(std::string_view mode) {
  if (mode == "rest") return Doors::kRest;
  if (mode == "grpc") return Doors::kGrpc;
  return mode == "both" ? std::optional(Doors::kBoth) : std::nullopt;
}

}  // namespace

int RunTenantNode(const std::vector<std::string>& args, hosting::KnowsVariable known_elsewhere) {
  RunFlags flags;
  if (const auto exit_code = ParseFlags(args, flags)) return *exit_code;
  const std::optional<Doors> doors = ParseDoors(flags.mode);
  if (!doors) {
    return Complain({Code::kInvalidArgument,
                     fmt::format("mode is '{}', allowed: rest, grpc, both", flags.mode)},
                    kBadUsage);
  }
  const Result<Config> config = ReadConfig(flags, std::move(known_elsewhere));
  if (!config.ok()) return Complain(config.status(), kBadUsage);
  io::Failpoints failpoints;
  if (!flags.failpoints.empty()) {
    if (const Status armed = failpoints.Arm(flags.failpoints); !armed.ok())
      return Complain(armed, kBadUsage);
  }
  hosting::StopSignals signals;
  hosting::RaiseDescriptorLimit();
  Logger log(hosting::MakeLogLevel(*config),
             hosting::MakeLogFormat(*config, ::isatty(STDERR_FILENO) == 1));
  for (const ConfigSetting& setting : hosting::WithoutEffect(ConfigTable(), *config)) {
    log.Warn("a setting has no effect in this version",
             {{"name", setting.name}, {"value", setting.text}, {"origin", setting.origin}});
  }
  auto node = TenantNode::Listen(*config, log, failpoints, *doors);
  if (!node.ok()) {
    log.Error("cannot start",
              {{"code", CodeName(node.status().code())}, {"error", node.status().message()}});
    return kFailed;
  }
  std::vector<std::unique_ptr<hosting::Service>> services;
  services.push_back(node.Take());
  return hosting::Serve(services, signals, log);
}

}  // namespace granary::services
