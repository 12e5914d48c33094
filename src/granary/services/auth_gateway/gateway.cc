#include "granary/services/auth_gateway/gateway.h"

#include <chrono>
#include <utility>

#include "granary/auth/auth_file.h"
#include "granary/hosting/common_routes.h"
#include "granary/hosting/log_route.h"
#include "granary/hosting/rest_door.h"
#include "granary/hosting/server_options.h"
#include "granary/hosting/service_name.h"
#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/runtime/periodic.h"
#include "granary/services/auth_gateway/access.h"
#include "granary/services/auth_gateway/fleet_placement.h"
#include "granary/services/auth_gateway/gateway_state.h"
#include "granary/services/auth_gateway/openapi_document.h"
#include "granary/services/auth_gateway/placement.h"
#include "granary/services/auth_gateway/proxy.h"
#include "granary/services/auth_gateway/routes.h"

namespace granary::gateway {
namespace {

constexpr std::chrono::hours kTidyEvery{1};

constexpr std::int64_t kAskTimeoutMs = 2'000;

Result<std::unique_ptr<Placement>> MakePlacement(const Config& config, Logger& log) {
  GRANARY_ASSIGN(auto nodes, ParseNodeList(config.node_urls));
  GRANARY_ASSIGN(net::UpstreamAddress own, net::ParseUpstreamUrl(config.node_url));
  net::UpstreamOptions options;
  options.connect_timeout_ms = config.node_connect_timeout_ms;
  options.silence_timeout_ms = config.node_silence_seconds * 1000;
  if (!config.operation_node_url.empty()) {
    const std::map<std::string, net::UpstreamAddress> fallback = {{config.tenant_id, own}};
    FleetPlacementOptions fleet{
        .cache_ms = config.placement_cache_seconds * 1000,
        .upstream = options,
        .file = io::JoinPath(MakeAuthorityOptions(config).folder, "placements")};
    return std::unique_ptr<Placement>(std::make_unique<FleetPlacement>(
        std::move(fleet),
        AskOperationNode(config.operation_node_url, config.operation_node_key, kAskTimeoutMs),
        std::make_unique<FixedPlacement>(nodes, options),
        std::make_unique<FixedPlacement>(fallback, options), std::make_unique<io::SystemClock>(),
        std::make_unique<io::PosixFileSystem>(), log));
  }
  nodes.emplace(config.tenant_id, std::move(own));  // Unless it is in the list.
  return std::unique_ptr<Placement>(std::make_unique<FixedPlacement>(nodes, options));
}

}  // namespace

struct AuthGateway::State {
  State(const Config& config, Logger& logger, std::unique_ptr<Placement> placement)
      : log(logger), gateway(config, logger, clock, std::move(placement)) {}

  Logger& log;
  io::SystemClock clock;
  io::PosixFileSystem files;
  io::SystemRandom random;
  FirstKeyFn on_first_key;
  GatewayState gateway;
  std::unique_ptr<hosting::RestDoor> rest;
  std::unique_ptr<io::FileLock> lock;
  std::unique_ptr<runtime::PeriodicJob> tidy;
  bool stopped = false;

  /// For nodes of this machine: GATEWAY_JWKS may be this file.
  Status PublishKeys(const auth::Authority& authority) {
    return files.ReplaceFile(MakeAuthorityOptions(gateway.config).folder + "/jwks.json",
                             authority.Jwks());
  }
};

hosting::Router MakeRouter(GatewayState& state) {
  hosting::Router router;
  AddSessionRoutes(state, router);
  AddUserRoutes(state, router);
  AddRoleRoutes(state, router);
  AddKeyRoutes(state, router);
  AddNodeTokenRoute(state, router);
  AddAuditRoute(state, router);
  AddTenantRoute(state, router);
  AddProxyRoutes(state, router);
  hosting::CommonRoutes common{.service = "auth-gateway",
                               .version = GatewayVersion(),
                               .openapi = OpenApiDocument(),
                               .clock = state.clock,
                               .metrics = state.metrics,
                               .server = state.server};
  common.ready = [&state] { return state.Authority().status(); };
  hosting::AddCommonRoutes(std::move(common), router);
  hosting::AddLogRoute(state.log, "auth-gateway", router);
  return router;
}

Result<std::unique_ptr<AuthGateway>> AuthGateway::Listen(const Config& config, Logger& log,
                                                         FirstKeyFn on_first_key) {
  GRANARY_ASSIGN(auto placement, MakePlacement(config, log));
  auto state = std::make_unique<State>(config, log, std::move(placement));
  state->on_first_key = std::move(on_first_key);
  net::HttpServerOptions options = hosting::MakeServerOptions(config, config.auth_gateway_port);
  GRANARY_ASSIGN(options.tls, hosting::LoadTls(config, state->files));
  options.streams_body = IsStreamedBody;
  // GatewayState::streams limits them, once it is known whose they are. Until then a body is not
  // read, so that it costs a thread for the time of a refusal.
  options.streamed_bodies_max = options.patient_threads_max;
  hosting::DispatcherOptions dispatch;
  dispatch.service = hosting::kAuthGateway;
  dispatch.check_access = [gateway = &state->gateway](net::HttpRequest& request) {
    return CheckAccess(*gateway, request);
  };
  dispatch.check_fleet = [gateway = &state->gateway](net::HttpRequest& request) {
    return CheckFleet(gateway->config, request);
  };
  // Files and SQLite's words are for the log alone.
  dispatch.told = [](const Status& failure) {
    switch (failure.code()) {
      case Code::kIoError:
      case Code::kDiskFull:
      case Code::kCorruption:
      case Code::kInternal: return Status(failure.code(), "the gateway failed; its log says why");
      default: return failure;
    }
  };
  GRANARY_ASSIGN(state->rest,
                 hosting::RestDoor::Listen(std::move(options), log, state->clock,
                                           state->gateway.metrics, MakeRouter(state->gateway),
                                           std::move(dispatch), state->gateway.server));
  log.Info(
      "listening",
      {{"host", config.rest_host}, {"port", state->rest->port()}, {"version", GatewayVersion()}});
  return std::unique_ptr<AuthGateway>(new AuthGateway(std::move(state)));
}

AuthGateway::AuthGateway(std::unique_ptr<State> state) : state_(std::move(state)) {}

AuthGateway::~AuthGateway() {
  if (const Status status = Stop(); !status.ok())
    state_->log.Error("stop failed", {{"error", status.ToString()}});
}

Status AuthGateway::Open() {
  State& state = *state_;
  const auth::AuthorityOptions options = MakeAuthorityOptions(state.gateway.config);
  GRANARY_TRY(state.files.CreateDirectories(state.gateway.config.data_path));
  // Before the file is looked at: of two first starts at once one makes it.
  GRANARY_TRY(auth::MakeAuthFolder(options.folder));
  GRANARY_ASSIGN(state.lock, state.files.Lock(options.folder + "/LOCK"));
  GRANARY_ASSIGN(std::shared_ptr<auth::Authority> authority,
                 auth::Authority::Open(options, state.gateway.clock, state.random));
  GRANARY_ASSIGN(const auto first, authority->MakeFirstKey());
  if (first && state.on_first_key) state.on_first_key(first->text);
  GRANARY_TRY(state.PublishKeys(*authority));
  state.gateway.Open(authority);
  state.tidy = std::make_unique<runtime::PeriodicJob>("auth-tidy", kTidyEvery, [&state, authority] {
    const Status tidied = authority->Tidy();
    const Status published = state.PublishKeys(*authority);  // Whatever failed before.
    for (const Status& status : {tidied, published})
      if (!status.ok()) state.log.Warn("upkeep failed", {{"error", status.message()}});
  });
  state.log.Info("ready", {{"folder", options.folder}});
  return Status::Ok();
}

Status AuthGateway::Stop() {
  if (std::exchange(state_->stopped, true)) return Status::Ok();
  if (state_->rest) state_->rest->Stop(state_->gateway.config.stop_timeout_seconds * 1000);
  if (state_->tidy) state_->tidy->Stop();
  state_->tidy.reset();
  state_->gateway.Close();
  state_->log.Info("stopped");
  return Status::Ok();
}

std::uint16_t AuthGateway::port() const { return state_->rest->port(); }

}  // namespace granary::gateway
