#include "granary/services/tenant_node/run.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "granary/base/check.h"
#include "granary/base/log.h"
#include "granary/io/failpoint.h"
#include "granary/services/tenant_node/config.h"
#include "granary/services/tenant_node/node.h"
#include "granary/services/tenant_node/node_options.h"
#include "granary/services/tenant_node/process_stats.h"
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

// SIGTERM and SIGINT as something to wait for. Made before any other thread, which all inherit the
// mask.
class Signals {
 public:
  Signals() {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    ::sigaddset(&wanted, SIGTERM);
    ::sigaddset(&wanted, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
    ::signal(SIGPIPE, SIG_IGN);
    descriptor_ = ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    GRANARY_CHECK(descriptor_ >= 0, "signalfd errno={}", errno);
  }
  ~Signals() {
    Release();
    ::close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

  /// Takes what came so far; the next signal ends the process as if we had never looked.
  void Release() {
    signalfd_siginfo taken;
    while (::read(descriptor_, &taken, sizeof(taken)) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t before_;
  int descriptor_ = -1;
};

void WaitUntilReadable(int a, int b) {
  pollfd waited[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
  while (::poll(waited, 2, -1) < 0 && errno == EINTR) {
  }
}

bool IsReadable(int descriptor) {
  pollfd waited{descriptor, POLLIN, 0};
  return ::poll(&waited, 1, 0) > 0;
}

int Serve(TenantNode& node, Signals& signals, Logger& log) {
  const int opened_event = ::eventfd(0, EFD_CLOEXEC);
  GRANARY_CHECK(opened_event >= 0, "eventfd errno={}", errno);
  Status opened;
  std::thread opener([&] {
    opened = node.Open();
    ::eventfd_write(opened_event, 1);
  });
  WaitUntilReadable(signals.descriptor(), opened_event);
  if (!IsReadable(opened_event)) {
    // Recovery changes nothing that a later one does not do again, so it need not end first.
    log.Info("stopped during recovery");
    std::_Exit(0);
  }
  opener.join();
  ::close(opened_event);
  if (!opened.ok()) {
    log.Error("cannot start", {{"code", CodeName(opened.code())}, {"error", opened.message()}});
    return kFailed;
  }
  WaitUntilReadable(signals.descriptor(), signals.descriptor());
  signals.Release();
  log.Info("stopping");
  const Status stopped = node.Stop();
  if (!stopped.ok()) log.Error("stop failed", {{"error", stopped.ToString()}});
  return stopped.ok() ? 0 : kFailed;
}

}  // namespace

int RunTenantNode(const std::vector<std::string>& args) {
  RunFlags flags;
  if (const auto exit_code = ParseFlags(args, flags)) return *exit_code;
  const std::optional<Doors> doors = ParseDoors(flags.mode);
  if (!doors) {
    return Complain({Code::kInvalidArgument,
                     fmt::format("mode is '{}', allowed: rest, grpc, both", flags.mode)},
                    kBadUsage);
  }
  const Result<Config> config = ReadConfig(flags);
  if (!config.ok()) return Complain(config.status(), kBadUsage);
  io::Failpoints failpoints;
  if (!flags.failpoints.empty()) {
    if (const Status armed = failpoints.Arm(flags.failpoints); !armed.ok())
      return Complain(armed, kBadUsage);
  }
  Signals signals;
  RaiseDescriptorLimit();
  Logger log(MakeLogLevel(*config), MakeLogFormat(*config, ::isatty(STDERR_FILENO) == 1));
  for (const ConfigSetting& setting : WithoutEffect(*config)) {
    log.Warn("a setting has no effect in this version",
             {{"name", setting.name}, {"value", setting.text}, {"origin", setting.origin}});
  }
  auto node = TenantNode::Listen(*config, log, failpoints, *doors);
  if (!node.ok()) {
    log.Error("cannot start",
              {{"code", CodeName(node.status().code())}, {"error", node.status().message()}});
    return kFailed;
  }
  return Serve(**node, signals, log);
}

}  // namespace granary::services
