#include "granary/services/cbo_engine/engine.h"

#include <chrono>
#include <utility>

#include "granary/hosting/fleet_guard.h"
#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/rest_door.h"
#include "granary/hosting/server_options.h"
#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/runtime/periodic.h"
#include "granary/services/cbo_engine/engine_routes.h"

#ifndef GRANARY_VERSION
#define GRANARY_VERSION "unknown"
#endif

namespace granary::services {
namespace {

constexpr const char* kFolder = "cbo_engine";  ///< Under DATA_PATH, apart from a node's.

}  // namespace

std::string_view EngineVersion() { return GRANARY_VERSION; }

struct CboEngine::State {
  State(const CboConfig& config, Logger& log) : engine(config, log, clock) {}

  void FitNow();

  io::SystemClock clock;
  io::PosixFileSystem files;
  EngineState engine;
  std::unique_ptr<hosting::RestDoor> rest;
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

Result<std::unique_ptr<CboEngine>> CboEngine::Listen(const CboConfig& config, Logger& log) {
  auto state = std::make_unique<State>(config, log);
  net::HttpServerOptions options = hosting::MakeServerOptions(config, config.cbo_engine_port);
  GRANARY_ASSIGN(options.tls, hosting::LoadTls(config, state->files));
  EngineState& engine = state->engine;
  hosting::DispatcherOptions dispatch;
  dispatch.check_access = [&engine](net::HttpRequest& request) -> hosting::Access {
    if (const Status peer = hosting::CheckPeer(request.peer_is_loopback, engine.config); !peer.ok())
      return peer;
    return hosting::IsOpen(engine.config) ? Status::Ok() : hosting::CheckNotBrowser(request.headers);
  };
  dispatch.check_fleet = [&engine](net::HttpRequest& request) {
    return hosting::CheckFleetOperator(request, engine.config, hosting::OwnMachine::kIsTrusted);
  };
  GRANARY_ASSIGN(state->rest, hosting::RestDoor::Listen(std::move(options), log, state->clock,
                                                        engine.metrics, MakeEngineRouter(engine),
                                                        std::move(dispatch), engine.server));
  log.Info("listening", {{"service", "cbo-engine"},
                         {"host", config.rest_host},
                         {"port", state->rest->port()},
                         {"version", EngineVersion()}});
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
  state_->fitting = std::make_unique<runtime::PeriodicJob>(
      "cbo-fit", std::chrono::seconds(engine.config.cbo_fit_interval_seconds),
      [state = state_.get()] { state->FitNow(); });
  engine.log.Info("ready", {{"service", "cbo-engine"}, {"serving", serving}});
  return Status::Ok();
}

// Requests first, then who fits: the store goes last.
Status CboEngine::Stop() {
  if (std::exchange(state_->stopped, true)) return Status::Ok();
  EngineState& engine = state_->engine;
  if (state_->rest) state_->rest->Stop(engine.config.stop_timeout_seconds * 1000);
  state_->fitting.reset();
  const auto shop = engine.workshop.Set(nullptr);
  const Status status = shop == nullptr ? Status::Ok() : shop->store->Close();
  engine.log.Info("stopped", {{"service", "cbo-engine"}});
  return status;
}

std::uint16_t CboEngine::port() const { return state_->rest->port(); }

}  // namespace granary::services
