#include "granary/services/cbo_engine/engine.h"

#include <chrono>
#include <thread>
#include <utility>

#include "granary/hosting/credential.h"
#include "granary/hosting/fleet_guard.h"
#include "granary/hosting/grpc_door.h"
#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/rest_door.h"
#include "granary/hosting/server_options.h"
#include "granary/hosting/service_name.h"
#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/runtime/periodic.h"
#include "granary/services/cbo_engine/engine_routes.h"
#include "granary/services/cbo_engine/grpc_methods.h"

#ifndef GRANARY_VERSION
#define GRANARY_VERSION "unknown"
#endif

namespace granary::services {
namespace {

constexpr std::string_view kName = "cbo-engine";
constexpr const char* kFolder = "cbo_engine";  ///< Under DATA_PATH, apart from a node's.

}  // namespace

std::string_view EngineVersion() { return GRANARY_VERSION; }

struct CboEngine::State {
  State(const CboConfig& config, Logger& log) : engine(config, log, clock) {}

  void FitNow();
  /// Who may call, through either door.
  hosting::Access AccessOf(const net::Headers& headers, bool peer_is_loopback) const;
  Status ListenRest(std::shared_ptr<const net::TlsContext> tls);
  Status ListenGrpc(std::shared_ptr<const net::TlsContext> tls);
  void StopServers();

  io::SystemClock clock;
  io::PosixFileSystem files;
  EngineState engine;
  std::unique_ptr<hosting::RestDoor> rest;
  std::unique_ptr<hosting::GrpcDoor> grpc;
  std::unique_ptr<runtime::PeriodicJob> fitting;
  bool stopped = false;
};

void CboEngine::State::FitNow() {
  const auto shop = engine.workshop.Get();
  if (!shop.ok()) return;
  const auto fitted = (*shop)->trainer->Fit();
  if (!fitted.ok()) {
    engine.failures.Add(1);
    engine.log.Warn("fitting failed", {{"error", fitted.status().ToString()}});
  } else if (*fitted) {
    engine.fits.Add(1);
  }
}

// A call's metadata has no Host, and what makes one leads a browser nowhere: browsers speak no
// gRPC. Its Origin would be there.
hosting::Access CboEngine::State::AccessOf(const net::Headers& headers,
                                           bool peer_is_loopback) const {
  GRANARY_TRY(hosting::CheckShowsNone(headers));
  GRANARY_TRY(hosting::CheckPeer(peer_is_loopback, engine.config));
  return hosting::IsOpen(engine.config) ? Status::Ok() : hosting::CheckNotBrowser(headers);
}

Status CboEngine::State::ListenRest(std::shared_ptr<const net::TlsContext> tls) {
  const CboConfig& config = engine.config;
  net::HttpServerOptions options = hosting::MakeServerOptions(config, config.cbo_engine_port);
  options.tls = std::move(tls);
  hosting::DispatcherOptions dispatch;
  dispatch.service = hosting::kCboEngine;
  dispatch.check_access = [this](net::HttpRequest& request) {
    return AccessOf(request.headers, request.peer_is_loopback);
  };
  dispatch.check_fleet = [this](net::HttpRequest& request) {
    return hosting::CheckFleetOperator(request, engine.config, hosting::OwnMachine::kIsTrusted);
  };
  GRANARY_ASSIGN(rest, hosting::RestDoor::Listen(std::move(options), engine.log, clock,
                                                 engine.metrics, MakeEngineRouter(engine),
                                                 std::move(dispatch), engine.server));
  engine.log.Info("listening", {{"service", kName},
                                {"host", config.rest_host},
                                {"port", rest->port()},
                                {"version", EngineVersion()}});
  return Status::Ok();
}

Status CboEngine::State::ListenGrpc(std::shared_ptr<const net::TlsContext> tls) {
  const CboConfig& config = engine.config;
  net::GrpcServerOptions options =
      hosting::MakeGrpcOptions(config, config.grpc_host, config.cbo_engine_grpc_port);
  options.tls = std::move(tls);
  hosting::GrpcDispatcherOptions dispatch{.service = kEngineService,
                                          .methods = EngineMethods(engine)};
  dispatch.check_access = [this](const net::GrpcCall& call) {
    return AccessOf(call.metadata, call.peer_is_loopback);
  };
  GRANARY_ASSIGN(grpc, hosting::GrpcDoor::Listen(std::move(options), engine.log, clock,
                                                 engine.metrics, std::move(dispatch)));
  engine.log.Info("listening (gRPC)", {{"service", kName},
                                       {"host", config.grpc_host},
                                       {"port", grpc->port()},
                                       {"version", EngineVersion()}});
  return Status::Ok();
}

// Both at once: they share the time that running requests get.
void CboEngine::State::StopServers() {
  const std::int64_t grace_ms = engine.config.stop_timeout_seconds * 1000;
  std::thread other;
  if (grpc) other = std::thread([this, grace_ms] { grpc->Stop(grace_ms); });
  if (rest) rest->Stop(grace_ms);
  if (other.joinable()) other.join();
}

Result<std::unique_ptr<CboEngine>> CboEngine::Listen(const CboConfig& config, Logger& log,
                                                     hosting::Doors doors) {
  auto state = std::make_unique<State>(config, log);
  GRANARY_ASSIGN(const auto tls, hosting::LoadTls(config, state->files));
  if (doors != hosting::Doors::kGrpc) GRANARY_TRY(state->ListenRest(tls));
  if (doors != hosting::Doors::kRest) GRANARY_TRY(state->ListenGrpc(tls));
  return std::unique_ptr<CboEngine>(new CboEngine(std::move(state)));
}

CboEngine::CboEngine(std::unique_ptr<State> state) : state_(std::move(state)) {}

CboEngine::~CboEngine() {
  if (const Status status = Stop(); !status.ok())
    state_->engine.log.Error("stop failed", {{"error", status.ToString()}});
}

Status CboEngine::Open() {
  EngineState& engine = state_->engine;
  auto shop = std::make_shared<Workshop>();
  GRANARY_ASSIGN(shop->store, EngineStore::Open(io::JoinPath(engine.config.data_path, kFolder),
                                                engine.config.cbo_history_days, engine.log));
  GRANARY_ASSIGN(
      shop->trainer,
      Trainer::Open(*shop->store, state_->clock, engine.log,
                    {.window_records = static_cast<std::size_t>(engine.config.cbo_replay_records),
                     .fit_records = static_cast<std::size_t>(engine.config.cbo_fit_records)}));
  const std::string serving = shop->trainer->serving();
  engine.workshop.Set(std::move(shop));
  if (state_->grpc) state_->grpc->SetServing(true);
  state_->fitting = std::make_unique<runtime::PeriodicJob>(
      "cbo-fit", std::chrono::seconds(engine.config.cbo_fit_interval_seconds),
      [state = state_.get()] { state->FitNow(); });
  engine.log.Info("ready", {{"service", kName}, {"serving", serving}});
  return Status::Ok();
}

// Requests first, then who fits: the store goes last.
Status CboEngine::Stop() {
  if (std::exchange(state_->stopped, true)) return Status::Ok();
  EngineState& engine = state_->engine;
  state_->StopServers();
  state_->fitting.reset();
  const auto shop = engine.workshop.Set(nullptr);
  const Status status = shop == nullptr ? Status::Ok() : shop->store->Close();
  engine.log.Info("stopped", {{"service", kName}});
  return status;
}

std::uint16_t CboEngine::port() const { return state_->rest ? state_->rest->port() : 0; }

std::uint16_t CboEngine::grpc_port() const { return state_->grpc ? state_->grpc->port() : 0; }

}  // namespace granary::services
