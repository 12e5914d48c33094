#include "granary/services/tenant_node/node.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
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
#include "granary/services/tenant_node/direct_access.h"
#include "granary/services/tenant_node/free_pages.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/grpc_methods.h"
#include "granary/services/tenant_node/heartbeats.h"
#include "granary/services/tenant_node/machine_cpu.h"
#include "granary/services/tenant_node/node_options.h"
#include "granary/services/tenant_node/node_state.h"
#include "granary/services/tenant_node/process_memory.h"
#include "granary/services/tenant_node/routes.h"
#include "granary/services/tenant_node/tenant_opener.h"
#include "granary/services/tenant_node/tenants.h"
#include "granary/services/tenant_node/write_stream.h"

namespace granary::services {
namespace {

// Asked several times a second.
constexpr std::size_t kTenantsLookedAt = 100;
constexpr std::chrono::minutes kSweepEvery{1};

/// Of what may be granted, without what caches would give back to whoever asks.
double UsedMemoryPercent(const NodeState& node, Tenants& tenants) {
  const runtime::MemoryBudget& all = node.memory.all();
  std::uint64_t used = all.reserved();
  for (const auto& tenant : tenants.OpenOnes(kTenantsLookedAt)) {
    const storage::CachedBytes cached = tenant->store().cached_bytes();
    used -= std::min(
        used, cached.columns + cached.index_blocks + cached.open_files + tenant->memory().kept);
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
        opener(node.config, {files, clock, points, logger, pool, memory.all(), cpu.cpus()}),
        tenants(OptionsOf(node.config, opener),
                {[this](const HostedTenant& hosted) { return opener.Open(hosted); },
                 [this](const TenantId& tenant) { return Discard(tenant); }, files, clock, logger}),
        scaler(
            pool, MakeScalerOptions(config, cpu.cpus()),
            [this] {
              return runtime::MachineUse{cpu.BusyPercent(), UsedMemoryPercent(node, tenants)};
            },
            clock, logger) {
    node.scaler = &scaler;
    node.tenants = &tenants;
  }
  static TenantsOptions OptionsOf(const Config& config, const TenantOpener& opener) {
    TenantsOptions out = MakeTenantsOptions(config);
    if (!config.operation_node_url.empty()) out.file = opener.hosted_file();
    return out;
  }

  /// Who calls, through either door.
  hosting::Access AccessBy(const net::Headers& headers, bool peer_is_loopback,
                           const runtime::CancelToken& cancel, NodeDoor door);
  Status ListenRest(std::shared_ptr<const net::TlsContext> tls);
  Status ListenGrpc(std::shared_ptr<const net::TlsContext> tls);
  Status CheckTenant(const net::Headers& headers, bool has_token, Visitor& visitor) const;
  Status OpenTenants();
  Status Discard(const TenantId& tenant);
  void StopServers();
  Status StartHeartbeats();
  NodeMeasure Measure() const;
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
  TenantOpener opener;
  Tenants tenants;
  runtime::WorkerScaler scaler;
  std::unique_ptr<hosting::RestDoor> rest;
  std::unique_ptr<hosting::GrpcDoor> grpc;
  std::unique_ptr<Heartbeats> heartbeats;
  std::unique_ptr<runtime::PeriodicJob> sweeper;  // Of many tenants.
  bool stopped = false;
};

hosting::Access TenantNode::State::AccessBy(const net::Headers& headers, bool peer_is_loopback,
                                            const runtime::CancelToken& cancel, NodeDoor door) {
  const auto token = headers.Get(security::kNodeTokenHeader);
  if (!token) GRANARY_TRY(CheckDirect(headers, peer_is_loopback, node.config));
  auto visitor = guard.Check(token, peer_is_loopback, cancel, door);
  hosting::Access access(visitor.status());
  if (!visitor.ok()) return access;
  access.status = CheckTenant(headers, token.has_value(), *visitor);
  // Whoever sent the request here is to ask again where the tenant is.
  if (!access.status.ok() && !tenants.is_alone() && !tenants.IsHere(visitor->tenant))
    access.headers.Set(security::kTenantHereHeader, security::kTenantNotHere);
  access.who = std::make_shared<const Visitor>(visitor.Take());
  return access;
}

// The token says which tenant is meant, and nothing else does.
Status TenantNode::State::CheckTenant(const net::Headers& headers, bool has_token,
                                      Visitor& visitor) const {
  if (!opener.has_many()) return Status::Ok();
  const auto named = headers.Get(kTenantHeader);
  if (has_token && named && *named != visitor.tenant) {
    return {Code::kInvalidArgument,
            fmt::format("{} names another tenant than the token of the gateway: leave it out",
                        kTenantHeader)};
  }
  if (!has_token && named) {
    const auto tenant = TenantId::Parse(*named);
    if (!tenant.ok())
      return {Code::kInvalidArgument,
              std::string(kTenantHeader) + ": " + std::string(tenant.status().message())};
    visitor.tenant = tenant->str();
  }
  return tenants.CheckServed(visitor.tenant);
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
  for (hosting::GrpcMethod& method : dispatch.methods)  // As MakeRouter does.
    if (opener.has_many() && method.lane == net::HandlerLane::kOrdinary && method.needs_access)
      method.lane = net::HandlerLane::kPatient;
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
  GRANARY_TRY(state_->OpenTenants());
  state_->memory.Settle();
  if (state_->grpc) state_->grpc->SetServing(true);
  GRANARY_TRY(state_->StartHeartbeats());
  state_->log.Info(
      "ready",
      {{"data_path", state_->node.config.data_path},
       {"recovery_ms", static_cast<double>(state_->clock.MonotonicNanos() - start_ns) / 1e6}});
  return Status::Ok();
}

Status TenantNode::State::OpenTenants() {
  const Config& config = node.config;
  opener.Introduce(rest ? rest->port() : grpc ? grpc->port() : 0, [this] { return NodeKey(); });
  if (!opener.has_many()) {
    HostedTenant alone;
    GRANARY_ASSIGN(alone.id, TenantId::Parse(config.tenant_id));
    return tenants.BeginAlone(alone);
  }
  GRANARY_TRY(opener.Claim());
  std::optional<std::vector<HostedTenant>> configured;
  if (config.operation_node_url.empty()) {
    GRANARY_ASSIGN(configured, ConfiguredTenants(config));
  }
  GRANARY_TRY(tenants.Begin(std::move(configured)));
  sweeper = std::make_unique<runtime::PeriodicJob>("tenant-sweeper", kSweepEvery, [this] {
    if (const Status swept = opener.Sweep(); !swept.ok())
      log.Error("data of deleted tenants cannot be removed yet", {{"error", swept.ToString()}});
  });
  sweeper->Poke();
  return Status::Ok();
}

Status TenantNode::State::Discard(const TenantId& tenant) {
  GRANARY_TRY(opener.Discard(tenant));
  sweeper->Poke();
  return Status::Ok();
}

// What others know this node by.
Result<std::string> TenantNode::State::NodeKey() {
  if (!node.config.node_key.empty()) return node.config.node_key;
  io::SystemRandom random;
  return LoadNodeKey(node.config.data_path, files, random);
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
                           .capacity = static_cast<std::uint64_t>(config.node_capacity),
                           .version = std::string(NodeVersion()),
                           .every_ms = config.heartbeat_seconds * 1000};
  Heartbeats::AnsweredFn answered;
  if (opener.has_many()) {
    answered = [this](const std::string& body) -> Result<bool> {
      GRANARY_ASSIGN(const auto said, ReadHosting(body));
      if (!said)
        return Status(Code::kUnavailable, "the Operation Node does not say whom this node serves");
      return tenants.Apply(*said);
    };
  }
  heartbeats = std::make_unique<Heartbeats>(
      std::move(options), [this] { return Measure(); }, std::move(answered), log);
  return Status::Ok();
}

NodeMeasure TenantNode::State::Measure() const {
  const runtime::ScalingReport report = scaler.report();
  NodeMeasure out{.workers = report.workers};
  Tenants::Announced announced = tenants.announced();
  out.tenants = std::move(announced.served);
  out.gone = std::move(announced.gone);
  if (!report.last) return out;
  const auto finite = [](double value) { return std::isfinite(value) ? value : 0.0; };
  out.cpu_percent = finite(report.last->machine_cpu_percent);
  out.memory_percent = finite(report.last->memory_percent);
  out.queue_delay_ms = finite(report.last->queue_delay_ms);
  out.queued = report.last->queued;
  return out;
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
  if (state_->sweeper) state_->sweeper->Stop();
  const Status status = state_->tenants.Stop({Code::kUnavailable, "the node has stopped"});
  state_->log.Info("stopped");
  return status;
}

std::uint16_t TenantNode::port() const { return state_->rest ? state_->rest->port() : 0; }

std::uint16_t TenantNode::grpc_port() const { return state_->grpc ? state_->grpc->port() : 0; }

}  // namespace granary::services
