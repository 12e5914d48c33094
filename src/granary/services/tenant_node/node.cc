#include "granary/services/tenant_node/node.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "granary/hosting/fleet_guard.h"
#include "granary/hosting/grpc_door.h"
#include "granary/hosting/process_stats.h"
#include "granary/hosting/rest_door.h"
#include "granary/hosting/server_options.h"
#include "granary/hosting/service_name.h"
#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/runtime/worker_pool.h"
#include "granary/runtime/worker_scaler.h"
#include "granary/security/node_token.h"
#include "granary/services/tenant_node/catalog_link.h"
#include "granary/services/tenant_node/direct_access.h"
#include "granary/services/tenant_node/engine_link.h"
#include "granary/services/tenant_node/free_pages.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/grpc_methods.h"
#include "granary/services/tenant_node/heartbeats.h"
#include "granary/services/tenant_node/machine_cpu.h"
#include "granary/services/tenant_node/node_options.h"
#include "granary/services/tenant_node/node_state.h"
#include "granary/services/tenant_node/process_memory.h"
#include "granary/services/tenant_node/routes.h"
#include "granary/services/tenant_node/write_stream.h"
#include "granary/tenant/tenant.h"

namespace granary::services {
namespace {

/// Of what may be granted, without what caches would give back to whoever asks.
double UsedMemoryPercent(const NodeState& node) {
  const runtime::MemoryBudget& all = node.memory.all();
  std::uint64_t used = all.reserved();
  if (const auto tenant = node.tenant.Get(); tenant.ok()) {
    const storage::CachedBytes cached = (*tenant)->store().cached_bytes();
    used -= std::min(used, cached.columns + cached.index_blocks + (*tenant)->memory().kept);
  }
  return 100 * static_cast<double>(used) /
         static_cast<double>(std::max<std::uint64_t>(all.limit(), 1));
}

}  // namespace

struct TenantNode::State {
  State(const Config& config, Logger& logger, io::Failpoints& points)
      : log(logger),
        failpoints(points),
        memory(static_cast<std::uint64_t>(config.memory_limit_mb) << 20,
               &hosting::ReadResidentBytes, &GiveBackFreePages),
        cpu(clock),
        pool({.threads = WorkerThreads(config, cpu.cpus())}),
        node(config, logger, clock, memory, files),
        guard(node.config, logger, clock, files),
        scaler(
            pool, MakeScalerOptions(config, cpu.cpus()),
            [this] {
              return runtime::MachineUse{cpu.BusyPercent(), UsedMemoryPercent(node)};
            },
            clock, logger) {
    node.scaler = &scaler;
  }

  /// Who calls, through either door.
  hosting::Access AccessBy(const net::Headers& headers, bool peer_is_loopback,
                           const runtime::CancelToken& cancel, NodeDoor door);
  Status ListenRest(std::shared_ptr<const net::TlsContext> tls);
  Status ListenGrpc(std::shared_ptr<const net::TlsContext> tls);
  Status LinkEngine(Tenant& tenant);
  void StopServers();
  Status StartHeartbeats();
  Status LinkCatalog(Tenant& tenant);
  Result<std::string> NodeKey();

  Logger& log;
  io::Failpoints& failpoints;
  io::SystemClock clock;
  io::PosixFileSystem files;
  ProcessMemory memory;
  MachineCpu cpu;
  runtime::WorkerPool pool;
  NodeState node;
  GatewayGuard guard;
  runtime::WorkerScaler scaler;
  std::unique_ptr<hosting::RestDoor> rest;
  std::unique_ptr<hosting::GrpcDoor> grpc;
  std::unique_ptr<EngineLink> engine;  // Uses the tenant.
  std::unique_ptr<Heartbeats> heartbeats;
  std::unique_ptr<CatalogLink> catalog;  // Uses the tenant.
  bool stopped = false;
};

hosting::Access TenantNode::State::AccessBy(const net::Headers& headers, bool peer_is_loopback,
                                            const runtime::CancelToken& cancel, NodeDoor door) {
  const auto token = headers.Get(security::kNodeTokenHeader);
  if (!token) GRANARY_TRY(CheckDirect(headers, peer_is_loopback, node.config));
  auto rights = guard.Check(token, peer_is_loopback, cancel, door);
  hosting::Access access(rights.status());
  if (rights.ok()) access.who = std::make_shared<const Rights>(rights.Take());
  return access;
}

Status TenantNode::State::ListenRest(std::shared_ptr<const net::TlsContext> tls) {
  net::HttpServerOptions options = MakeServerOptions(node.config);
  options.bodies = &memory.bodies();
  options.tls = std::move(tls);
  options.streams_body = IsStreamedWrite;
  hosting::DispatcherOptions dispatch;
  dispatch.service = hosting::kTenantNode;
  dispatch.check_access = [this](net::HttpRequest& request) {
    return AccessBy(request.headers, request.peer_is_loopback, request.cancel, NodeDoor::kRest);
  };
  dispatch.check_fleet = [this](net::HttpRequest& request) {
    const bool gateway_alone = !node.config.gateway_jwks.empty() && node.config.gateway_required;
    return hosting::CheckFleetOperator(
        request, node.config,
        gateway_alone ? hosting::OwnMachine::kShowsCredentials : hosting::OwnMachine::kIsTrusted);
  };
  dispatch.told = [this](const Status& failure) { return node.paths.Hide(failure); };
  dispatch.retry_after_seconds = [this](const Status& failure, std::string_view route) {
    const bool writes = route == "/data/write";
    return RetryAfterSeconds(node, failure, writes ? Awaited::kMerges : Awaited::kSearchSlots);
  };
  GRANARY_ASSIGN(rest,
                 hosting::RestDoor::Listen(std::move(options), log, clock, node.metrics,
                                           MakeRouter(node), std::move(dispatch), node.server));
  log.Info("listening", {{"host", node.config.rest_host},
                         {"port", rest->port()},
                         {"tenant", node.config.tenant_id},
                         {"version", NodeVersion()}});
  return Status::Ok();
}

Status TenantNode::State::ListenGrpc(std::shared_ptr<const net::TlsContext> tls) {
  net::GrpcServerOptions options = MakeGrpcOptions(node.config);
  options.messages = &memory.bodies();
  options.tls = std::move(tls);
  hosting::GrpcDispatcherOptions dispatch{.service = kGrpcService};
  AddGrpcDataMethods(node, dispatch.methods);
  AddGrpcSourceMethods(node, dispatch.methods);
  dispatch.check_access = [this](const net::GrpcCall& call) {
    return AccessBy(call.metadata, call.peer_is_loopback, call.cancel, NodeDoor::kGrpc);
  };
  dispatch.told = [this](const Status& failure) { return node.paths.Hide(failure); };
  dispatch.retry_after_seconds = [this](const Status& failure, std::string_view method) {
    const bool writes = method.starts_with("Write");
    return RetryAfterSeconds(node, failure, writes ? Awaited::kMerges : Awaited::kSearchSlots);
  };
  dispatch.later_services = {{"arrow.flight.protocol.FlightService", "Arrow Flight SQL"}};
  GRANARY_ASSIGN(grpc, hosting::GrpcDoor::Listen(std::move(options), log, clock, node.metrics,
                                                 std::move(dispatch)));
  node.grpc_port = grpc->port();
  log.Info("listening (gRPC)", {{"host", node.config.grpc_host},
                                {"port", grpc->port()},
                                {"tenant", node.config.tenant_id},
                                {"version", NodeVersion()}});
  return Status::Ok();
}

Result<std::unique_ptr<TenantNode>> TenantNode::Listen(const Config& config, Logger& log,
                                                       io::Failpoints& failpoints,
                                                       hosting::Doors doors) {
  auto state = std::make_unique<State>(config, log, failpoints);
  GRANARY_ASSIGN(const auto tls, hosting::LoadTls(config, state->files));
  if (doors != hosting::Doors::kGrpc) GRANARY_TRY(state->ListenRest(tls));
  if (doors != hosting::Doors::kRest) GRANARY_TRY(state->ListenGrpc(tls));
  return std::unique_ptr<TenantNode>(new TenantNode(std::move(state)));
}

TenantNode::TenantNode(std::unique_ptr<State> state) : state_(std::move(state)) {}

TenantNode::~TenantNode() {
  if (const Status status = Stop(); !status.ok())
    state_->log.Error("stop failed", {{"error", status.ToString()}});
}

Status TenantNode::Open() {
  const std::int64_t start_ns = state_->clock.MonotonicNanos();
  const storage::StoreDeps deps{state_->files, state_->clock, state_->failpoints,
                                state_->log,   state_->pool,  &state_->memory.all()};
  GRANARY_ASSIGN(TenantOptions options, MakeTenantOptions(state_->node.config));
  Result<std::unique_ptr<Tenant>> tenant = Tenant::Open(deps, std::move(options));
  if (!tenant.ok()) {
    state_->node.tenant.Close(tenant.status());
    return tenant.status();
  }
  GRANARY_TRY(state_->LinkEngine(**tenant));
  GRANARY_TRY(state_->LinkCatalog(**tenant));
  state_->node.tenant.Open(tenant.Take());
  if (state_->grpc) state_->grpc->SetServing(true);
  GRANARY_TRY(state_->StartHeartbeats());
  state_->log.Info(
      "ready",
      {{"data_path", state_->node.config.data_path},
       {"recovery_ms", static_cast<double>(state_->clock.MonotonicNanos() - start_ns) / 1e6}});
  return Status::Ok();
}

// Where no engine is named the node learns by itself.
Status TenantNode::State::LinkEngine(Tenant& tenant) {
  const Config& config = node.config;
  if (config.cbo_engine_url.empty() || !tenant.learner().enabled()) return Status::Ok();
  const int port = rest ? rest->port() : grpc ? grpc->port() : 0;
  GRANARY_ASSIGN(engine, EngineLink::Start(
                             {.url = config.cbo_engine_url,
                              .node = fmt::format("{}-{}", config.tenant_id.substr(0, 120), port),
                              .tenant = config.tenant_id,
                              .interval = std::chrono::seconds(config.cbo_push_interval_seconds)},
                             tenant.learner(), log));
  return Status::Ok();
}

// What others know this node by.
Result<std::string> TenantNode::State::NodeKey() {
  if (!node.config.node_key.empty()) return node.config.node_key;
  io::SystemRandom random;
  return LoadNodeKey(node.config.data_path, files, random);
}

Status TenantNode::State::LinkCatalog(Tenant& tenant) {
  const Config& config = node.config;
  if (config.metadata_catalog_url.empty()) return Status::Ok();
  GRANARY_ASSIGN(const std::string key, NodeKey());
  CatalogLinkOptions options{
      .url = config.metadata_catalog_url,
      .fleet_key = config.operation_node_key,
      .node_id = config.node_id.empty() ? NodeIdOf(key) : config.node_id,
      .node_key = key,
      .version = std::string(NodeVersion()),
      .settings = CatalogSettings(config),
      .interval = std::chrono::milliseconds(config.catalog_publish_ms),
      .statistics_interval_us = config.catalog_statistics_seconds * 1'000'000};
  GRANARY_ASSIGN(catalog, CatalogLink::Start(std::move(options), tenant, clock, log));
  return Status::Ok();
}

// Who serves gRPC alone has no URL that anybody could be sent to.
Status TenantNode::State::StartHeartbeats() {
  const Config& config = node.config;
  if (config.operation_node_url.empty() || !rest) return Status::Ok();
  GRANARY_ASSIGN(const std::string key, NodeKey());
  std::string machine(256, '\0');
  if (::gethostname(machine.data(), machine.size() - 1) != 0) machine = "localhost";
  machine.resize(std::string_view(machine.c_str()).size());
  const std::string url = NodeUrlOf(config.rest_host, rest->port(), !config.tls_cert_file.empty(),
                                    config.operation_node_url, machine);
  HeartbeatOptions options{.operation_node_url = config.operation_node_url,
                           .operation_node_key = config.operation_node_key,
                           .node_id = config.node_id.empty() ? NodeIdOf(key) : config.node_id,
                           .node_key = key,
                           .node_url = config.node_url.empty() ? url : config.node_url,
                           .tenant = config.tenant_id,
                           .version = std::string(NodeVersion()),
                           .every_ms = config.heartbeat_seconds * 1000};
  heartbeats = std::make_unique<Heartbeats>(
      std::move(options),
      [this] {
        const runtime::ScalingReport report = scaler.report();
        NodeMeasure out{.workers = report.workers};
        if (!report.last) return out;
        const auto finite = [](double value) { return std::isfinite(value) ? value : 0.0; };
        out.cpu_percent = finite(report.last->machine_cpu_percent);
        out.memory_percent = finite(report.last->memory_percent);
        out.queue_delay_ms = finite(report.last->queue_delay_ms);
        out.queued = report.last->queued;
        return out;
      },
      log);
  return Status::Ok();
}

// Both at once: they share the time that running requests get.
void TenantNode::State::StopServers() {
  const std::int64_t grace_ms = node.config.stop_timeout_seconds * 1000;
  std::thread other;
  if (grpc) other = std::thread([this, grace_ms] { grpc->Stop(grace_ms); });
  if (rest) rest->Stop(grace_ms);
  if (other.joinable()) other.join();
}

// Requests first: whatever was begun ends before the tenant is closed.
Status TenantNode::Stop() {
  if (std::exchange(state_->stopped, true)) return Status::Ok();
  if (state_->heartbeats) state_->heartbeats->Stop();
  state_->StopServers();
  state_->engine.reset();
  state_->catalog.reset();
  const std::shared_ptr<Tenant> tenant =
      state_->node.tenant.Close({Code::kUnavailable, "the node has stopped"});
  const Status status = tenant == nullptr ? Status::Ok() : tenant->Close();
  state_->log.Info("stopped");
  return status;
}

std::uint16_t TenantNode::port() const { return state_->rest ? state_->rest->port() : 0; }

std::uint16_t TenantNode::grpc_port() const { return state_->grpc ? state_->grpc->port() : 0; }

}  // namespace granary::services
