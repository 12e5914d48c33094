#include "granary/hosting/run_service.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "granary/hosting/process_stats.h"
#include "granary/hosting/serve.h"
#include "granary/hosting/server_options.h"

namespace granary::hosting {
namespace {

constexpr int kCannotStart = 1;
constexpr int kBadUsageExit = 2;

}  // namespace

int RunService(const ServiceProgram& program, const std::vector<std::string>& args,
               KnowsVariable known_elsewhere) {
  const std::string name = fmt::format("granary {}", program.name);
  ConfigFlags flags;
  CLI::App app(std::string(program.about), name);
  program.add_flags(app, flags);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsageExit;
  }
  ServerConfig config;
  Result<ConfigSources> sources = ReadSources(flags, std::move(known_elsewhere));
  const Status loaded = sources.ok() ? program.load(*sources, config) : sources.status();
  if (!loaded.ok()) {
    fmt::print(stderr, "{}: {}\n", name, loaded.message());
    return kBadUsageExit;
  }
  StopSignals signals;
  RaiseDescriptorLimit();
  Logger log(MakeLogLevel(config), MakeLogFormat(config, ::isatty(STDERR_FILENO) == 1),
             program.name, static_cast<std::size_t>(config.log_keep_kb) << 10);
  for (const ConfigSetting& setting : WithoutEffect(config)) {
    log.Warn("a setting has no effect in this version",
             {{"name", setting.name}, {"value", setting.text}, {"origin", setting.origin}});
  }
  const auto services = program.listen(log);
  if (!services.ok()) {
    const Status& why = services.status();
    log.Error("cannot start", {{"code", CodeName(why.code())}, {"error", why.message()}});
    return kCannotStart;
  }
  return Serve(*services, signals, log, program.opened);
}

}  // namespace granary::hosting
