#include "granary/services/tenant_node/node.h"

#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/net/http_server.h"
#include "granary/runtime/worker_pool.h"
#include "granary/services/tenant_node/dispatcher.h"
#include "granary/services/tenant_node/node_options.h"
#include "granary/services/tenant_node/node_state.h"
#include "granary/services/tenant_node/routes.h"
#include "granary/services/tenant_node/write_stream.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

struct TenantNode::State {
  State(const Config& config, Logger& logger, io::Failpoints& points)
      : log(logger),
        failpoints(points),
        workers(WorkerThreads(config, std::thread::hardware_concurrency())),
        pool({.threads = workers}),
        node(config, logger, clock),
        dispatcher(node, MakeRouter(node)) {}

  Logger& log;
  io::Failpoints& failpoints;
  io::SystemClock clock;
  io::PosixFileSystem files;
  std::size_t workers;
  runtime::WorkerPool pool;
  NodeState node;
  Dispatcher dispatcher;
  std::unique_ptr<net::HttpServer> server;
  bool stopped = false;
};

Result<std::unique_ptr<TenantNode>> TenantNode::Listen(const Config& config, Logger& log,
                                                       io::Failpoints& failpoints) {
  auto state = std::make_unique<State>(config, log, failpoints);
  const Dispatcher& dispatcher = state->dispatcher;
  net::HttpServerOptions options = MakeServerOptions(config);
  options.is_urgent = [&dispatcher](const net::HttpRequest& request) {
    return dispatcher.IsUrgent(request);
  };
  options.streams_body = IsStreamedWrite;
  auto handle = [&dispatcher](net::HttpRequest& request) { return dispatcher.Handle(request); };
  auto refuse = [&dispatcher](const Status& status, std::optional<int> http_status,
                              const std::string& request_id) {
    return dispatcher.Refuse(status, http_status, request_id);
  };
  GRANARY_ASSIGN(state->server, net::HttpServer::Start(std::move(options), log, std::move(handle),
                                                       std::move(refuse)));
  state->node.SetServer(state->server.get());
  log.Info("listening", {{"host", config.rest_host},
                         {"port", state->server->port()},
                         {"tenant", config.tenant_id},
                         {"version", NodeVersion()}});
  return std::unique_ptr<TenantNode>(new TenantNode(std::move(state)));
}

TenantNode::TenantNode(std::unique_ptr<State> state) : state_(std::move(state)) {}

TenantNode::~TenantNode() {
  if (const Status status = Stop(); !status.ok())
    state_->log.Error("stop failed", {{"error", status.ToString()}});
}

Status TenantNode::Open() {
  const std::int64_t start_ns = state_->clock.MonotonicNanos();
  const storage::StoreDeps deps{state_->files, state_->clock, state_->failpoints, state_->log,
                                state_->pool};
  GRANARY_ASSIGN(TenantOptions options, MakeTenantOptions(state_->node.config, state_->workers));
  Result<std::unique_ptr<Tenant>> tenant = Tenant::Open(deps, std::move(options));
  if (!tenant.ok()) {
    state_->node.tenant.Close(tenant.status());
    return tenant.status();
  }
  state_->node.tenant.Open(tenant.Take());
  state_->log.Info(
      "ready",
      {{"data_path", state_->node.config.data_path},
       {"recovery_ms", static_cast<double>(state_->clock.MonotonicNanos() - start_ns) / 1e6}});
  return Status::Ok();
}

// Requests first: whatever was begun ends before the tenant is closed.
Status TenantNode::Stop() {
  if (std::exchange(state_->stopped, true)) return Status::Ok();
  state_->server->Stop(state_->node.config.stop_timeout_seconds * 1000);
  const std::shared_ptr<Tenant> tenant =
      state_->node.tenant.Close({Code::kUnavailable, "the node has stopped"});
  const Status status = tenant == nullptr ? Status::Ok() : tenant->Close();
  state_->log.Info("stopped");
  return status;
}

std::uint16_t TenantNode::port() const { return state_->server->port(); }

}  // namespace granary::services
