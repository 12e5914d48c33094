#include "granary/services/operation_node/operation_node.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "granary/hosting/common_routes.h"
#include "granary/hosting/fleet_guard.h"
#include "granary/hosting/log_route.h"
#include "granary/hosting/rest_door.h"
#include "granary/hosting/server_options.h"
#include "granary/hosting/service_name.h"
#include "granary/io/clock.h"
#include "granary/io/posix_file_system.h"
#include "granary/security/hmac.h"
#include "granary/services/operation_node/audit_book.h"
#include "granary/services/operation_node/audited.h"
#include "granary/services/operation_node/farewells.h"
#include "granary/services/operation_node/identity.h"
#include "granary/services/operation_node/identity_claim.h"
#include "granary/services/operation_node/launch_settings.h"
#include "granary/services/operation_node/node_tokens.h"
#include "granary/services/operation_node/operation_openapi.h"
#include "granary/services/operation_node/process_launcher.h"
#include "granary/services/operation_node/query_desk.h"
#include "granary/services/operation_node/routes.h"
#include "granary/services/operation_node/steward.h"

namespace granary::operation {
namespace {

Status MakeOwnFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return Status::Ok();
  return Status::IoError(fmt::format("{}: {}", folder, std::strerror(errno)));
}

// For whoever finds another copy at work.
Result<std::string> WhereIs(const std::string& folder, io::FileSystem& files) {
  char machine[256] = "?";
  (void)::gethostname(machine, sizeof(machine) - 1);
  GRANARY_ASSIGN(const std::string path, files.Resolve(folder));
  return fmt::format("on the machine {} in {}", machine, path);
}

}  // namespace

struct OperationNode::State {
  State(const Config& chosen, Logger& logger)
      : config(chosen), log(logger), metrics(GRANARY_VERSION, {}) {}

  Status ListenRest();
  hosting::Router MakeRouter();
  Result<std::shared_ptr<Desk>> Find() const {
    const std::lock_guard lock(mutex);
    if (desk == nullptr) return why_not;
    if (claim != nullptr) GRANARY_TRY(claim->status());
    return desk;
  }
  Status Ready() const {
    GRANARY_ASSIGN(const auto found, Find());
    return found->fleet.status();
  }
  void Sample(std::vector<hosting::Sample>& samples) const;
  Result<KeeperOptions> MakeKeeperOptions();
  Status OpenQueries();
  std::vector<Listener> MakeListeners() const;

  Config config;
  Logger& log;
  io::SystemClock clock;
  io::SystemRandom random;
  io::PosixFileSystem files;
  hosting::Metrics metrics;
  hosting::ServerHandle server;
  std::unique_ptr<io::FileLock> lock_file;
  Identity identity;
  std::unique_ptr<Fleet> fleet;
  std::unique_ptr<IdentityClaim> claim;  // Null unless the store is shared.
  std::unique_ptr<NodeBook> book;
  std::unique_ptr<AuditBook> audit;
  std::unique_ptr<Farewells> farewells;
  std::unique_ptr<NodeKeeper> keeper;
  std::unique_ptr<NodeTokens> tokens;
  std::unique_ptr<QueryDesk> queries;
  mutable std::mutex mutex;
  std::shared_ptr<Desk> desk;  // Guarded by mutex, as is:
  Status why_not{Code::kUnavailable, "the service is starting; try again soon"};
  std::shared_ptr<Desk> kept_desk;  // The steward's, until it has stopped.
  std::unique_ptr<Steward> steward;
  std::unique_ptr<hosting::RestDoor> rest;
  bool stopped = false;
};

void OperationNode::State::Sample(std::vector<hosting::Sample>& samples) const {
  const auto found = Find();
  if (!found.ok()) return;
  const FleetCounts counts = steward->counts();
  const auto count = [&counts](NodeState state) {
    const auto at = counts.nodes.find(state);
    return at == counts.nodes.end() ? 0.0 : static_cast<double>(at->second);
  };
  samples.push_back({"granary_metadata_store_up", "1 while the metadata store answers",
                     (*found)->fleet.status().ok() ? 1.0 : 0.0});
  samples.push_back({"granary_query_memory_bytes", "Held by queries over tenants",
                     static_cast<double>(queries->memory.reserved())});
  samples.push_back({"granary_fleet_tenants", "Tenants", static_cast<double>(counts.tenants)});
  samples.push_back({"granary_fleet_tenants_waiting", "Active tenants that no node can take",
                     static_cast<double>(counts.waiting_tenants)});
  samples.push_back({"granary_fleet_damaged_rows",
                     "Rows of the metadata that cannot be read: what they are about is left alone",
                     static_cast<double>(counts.damaged_rows)});
  samples.push_back(
      {"granary_fleet_nodes_alive", "Nodes that are heard of", count(NodeState::kAlive)});
  samples.push_back(
      {"granary_fleet_nodes_suspect", "Nodes that fell silent", count(NodeState::kSuspect)});
  samples.push_back(
      {"granary_fleet_nodes_dead", "Nodes that are taken for gone", count(NodeState::kDead)});
  if (const auto decided = steward->last_decision()) {
    samples.push_back({"granary_fleet_nodes_wanted",
                       "Nodes that there should be, for whatever makes machines",
                       static_cast<double>(decided->decision.nodes_wanted)});
  }
}

hosting::Router OperationNode::State::MakeRouter() {
  hosting::Router router;
  hosting::CommonRoutes common{.service = "operation-node",
                               .version = GRANARY_VERSION,
                               .openapi = OperationOpenApi(),
                               .clock = clock,
                               .metrics = metrics,
                               .server = server};
  common.ready = [this] { return Ready(); };
  common.describe = [this](api::JsonObject& health) {
    health.Add("metadata_store", std::string_view(config.metadata_type));
  };
  common.sample = [this](std::vector<hosting::Sample>& samples) { Sample(samples); };
  hosting::AddCommonRoutes(std::move(common), router);
  hosting::AddLogRoute(log, "operation-node", router);
  const FindDesk find = [this] { return Find(); };
  AddTenantRoutes(find, router);
  AddNodeRoutes(find, router);
  AddScalingRoutes(find, router);
  AddAuditRoute(find, router);
  AddQueryRoutes(find, router);
  AddLaterRoutes(router);
  return router;
}

Status OperationNode::State::ListenRest() {
  net::HttpServerOptions options = hosting::MakeServerOptions(config, config.operation_node_port);
  GRANARY_ASSIGN(options.tls, hosting::LoadTls(config, files));
  hosting::DispatcherOptions dispatch;
  dispatch.service = hosting::kOperationNode;
  dispatch.check_access = [this](net::HttpRequest& request) {
    return hosting::CheckFleetProgram(request, config);
  };
  dispatch.check_fleet = [this](net::HttpRequest& request) {
    return hosting::CheckFleetOperator(request, config, hosting::OwnMachine::kIsTrusted);
  };
  // Files and a database's words are for the log alone.
  dispatch.told = [](const Status& failure) {
    switch (failure.code()) {
      case Code::kIoError:
      case Code::kInternal:
        return Status(failure.code(), "the Operation Node failed; its log says why");
      default: return failure;
    }
  };
  GRANARY_ASSIGN(rest, hosting::RestDoor::Listen(std::move(options), log, clock, metrics,
                                                 MakeRouter(), std::move(dispatch), server));
  log.Info("listening", {{"host", config.rest_host}, {"port", rest->port()}});
  return Status::Ok();
}

Result<KeeperOptions> OperationNode::State::MakeKeeperOptions() {
  KeeperOptions options{.operation_node = identity.id,
                        .folder = {},
                        .settings = LaunchSettings(config, rest->port()),
                        .key_of = [this](const std::string& node) { return identity.KeyOf(node); },
                        .restarts = {}};
  // Nodes are started in folders of their own.
  GRANARY_ASSIGN(options.folder, files.Resolve(io::JoinPath(FolderOf(config), "nodes")));
  GRANARY_ASSIGN(options.shared_folder, files.Resolve(io::JoinPath(FolderOf(config), "shared")));
  options.capacity = static_cast<std::uint64_t>(config.launch_capacity);
  options.is_gone = [this](const std::string& node, const GoneTenant& tenant) {
    return book->IsGone(node, tenant);
  };
  GRANARY_ASSIGN(const std::string own, files.Resolve(KeysFileOf(config)));
  for (auto& [name, value] : options.settings) {
    if (name != "GATEWAY_JWKS") continue;
    std::string places;
    for (std::string place : hosting::SplitList(value)) {
      if (place.find("://") == std::string::npos) {
        GRANARY_ASSIGN(place, files.Resolve(place));
      }
      places += place + ",";
    }
    value = places + own;
  }
  return options;
}

Status OperationNode::State::OpenQueries() {
  GRANARY_ASSIGN(tokens, NodeTokens::Make(identity, clock, random));
  GRANARY_TRY(files.ReplaceFile(KeysFileOf(config), tokens->Jwks()));
  GRANARY_ASSIGN(const std::string cursor_key,
                 security::HmacSha256(identity.secret, "granary: the key of cursors"));
  const auto megabytes = [](std::int64_t count) { return static_cast<std::uint64_t>(count) << 20; };
  const QueryLimits limits{.tenants_max = static_cast<std::uint64_t>(config.max_query_tenants),
                           .fan_out = static_cast<std::uint64_t>(config.query_fan_out),
                           .node_bytes_max = megabytes(config.query_node_buffer_mb),
                           .memory_bytes_max = megabytes(config.query_merge_memory_mb),
                           .page_records_max = static_cast<std::uint64_t>(config.max_page_records)};
  net::UpstreamOptions upstream;
  upstream.silence_timeout_ms = config.node_silence_seconds * 1000;
  queries = std::make_unique<QueryDesk>(limits, *tokens, upstream, cursor_key, metrics);
  return Status::Ok();
}

// The catalog last: a node that ends may still tell it something.
std::vector<Listener> OperationNode::State::MakeListeners() const {
  std::vector<Listener> out;
  if (!config.auth_gateway_url.empty()) {
    const std::string& key =
        config.process_secret.empty() ? config.operation_node_key : config.process_secret;
    out.push_back({"the Auth Gateway", /*at_once=*/true,
                   ForgetOverHttp({.url = config.auth_gateway_url,
                                   .prefix = "/auth/tenants",
                                   .key = key,
                                   .service = hosting::kAuthGateway})});
  } else if (!config.gateway_jwks.empty()) {
    log.Warn("users and keys of tenants that are deleted stay: AUTH_GATEWAY_URL is not set");
  }
  if (!config.metadata_catalog_url.empty()) {
    out.push_back({"the Metadata Catalog", /*at_once=*/false,
                   ForgetOverHttp({.url = config.metadata_catalog_url,
                                   .prefix = "/metadata/tenants",
                                   .key = config.operation_node_key,
                                   .service = hosting::kMetadataCatalog})});
  }
  return out;
}

OperationNode::OperationNode(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<OperationNode>> OperationNode::Listen(const Config& config, Logger& log) {
  auto state = std::make_unique<State>(config, log);
  GRANARY_TRY(state->ListenRest());
  return std::unique_ptr<OperationNode>(new OperationNode(std::move(state)));
}

OperationNode::~OperationNode() {
  if (const Status status = Stop(); !status.ok())
    state_->log.Error("stop failed", {{"error", status.ToString()}});
}

Status OperationNode::Open() {
  State& state = *state_;
  const Config& config = state.config;
  const std::string folder = FolderOf(config);
  GRANARY_TRY(state.files.CreateDirectories(config.data_path));
  GRANARY_TRY(MakeOwnFolder(folder));
  GRANARY_ASSIGN(state.lock_file, state.files.Lock(io::JoinPath(folder, "LOCK")));
  GRANARY_ASSIGN(state.identity, LoadIdentity(folder, state.files, state.random));
  GRANARY_ASSIGN(state.audit, AuditBook::Open(io::JoinPath(folder, "audit.sqlite"),
                                              config.audit_days, state.clock));
  GRANARY_ASSIGN(const std::string instance, InstanceOf(folder));
  state.fleet =
      std::make_unique<Fleet>(metadata::MakeMetadataStore(MakeMetadataOptions(
                                  config, fmt::format("{}.{}", state.identity.id, instance))),
                              state.clock, state.log);
  if (config.metadata_type == metadata::StoreTypeName(metadata::StoreType::kPostgres)) {
    GRANARY_ASSIGN(const std::string where, WhereIs(folder, state.files));
    state.claim = std::make_unique<IdentityClaim>(state.identity.id, instance, where, *state.fleet,
                                                  state.clock, state.log);
  }
  state.book =
      std::make_unique<NodeBook>(HealthLimits{.suspect_ms = config.node_suspect_seconds * 1000,
                                              .dead_ms = config.node_dead_seconds * 1000},
                                 state.clock);
  ProcessOptions processes;
  processes.stop_ms = config.stop_timeout_seconds * 1000 + 5'000;
  // Never what is called config.env in the folder where a node starts: its tenant writes there.
  std::string launch_config = config.launch_config_file;
  if (launch_config.empty()) {
    launch_config = io::JoinPath(folder, "launched.env");
    GRANARY_TRY(state.files.ReplaceFile(launch_config, "# Set LAUNCH_CONFIG_FILE instead.\n"));
  }
  GRANARY_ASSIGN(launch_config, state.files.Resolve(launch_config));
  if (config.launch_grpc) processes.arguments.emplace_back("both");
  processes.arguments.insert(processes.arguments.end(), {"--config", launch_config});
  GRANARY_TRY(state.OpenQueries());
  GRANARY_ASSIGN(KeeperOptions keeping, state.MakeKeeperOptions());
  keeping.ended = [&state](const std::string& node) { state.book->Forget(node); };
  keeping.may_act = [&state] { return state.claim == nullptr || state.claim->status().ok(); };
  std::vector<Listener> listeners = state.MakeListeners();
  const bool tells_others = !listeners.empty();
  state.farewells = std::make_unique<Farewells>(std::move(listeners));
  keeping.farewell = [&state](const std::string& tenant, bool has_node_ended) {
    return state.farewells->Tell(tenant, has_node_ended);
  };
  state.keeper = std::make_unique<NodeKeeper>(
      std::move(keeping), std::make_unique<ProcessLauncher>(std::move(processes), state.clock),
      *state.fleet, state.files, state.clock, state.log);
  state.kept_desk = std::make_shared<Desk>(
      Desk{config, state.identity.id, *state.fleet, *state.book, *state.keeper, *state.audit,
           state.clock, state.log,
           [&state](const std::string& node) { return state.identity.KeyOf(node); },
           state.queries.get(), state.claim.get(), tells_others});
  state.steward = std::make_unique<Steward>(*state.kept_desk);
  const auto seen = state.fleet->Look();
  if (seen.ok() && state.claim != nullptr) state.claim->Work(*seen->view);
  {
    const std::lock_guard lock(state.mutex);
    state.desk = state.kept_desk;
  }
  state.farewells->Start();
  state.keeper->Start();
  state.steward->Start();
  state.log.Info("open", {{"id", state.identity.id},
                          {"metadata_store", state.fleet->where()},
                          {"answers", seen.ok()}});
  return Status::Ok();
}

Status OperationNode::Stop() {
  State& state = *state_;
  if (std::exchange(state.stopped, true)) return Status::Ok();
  state.rest->Stop(state.config.stop_timeout_seconds * 1000);
  {
    const std::lock_guard lock(state.mutex);
    state.desk.reset();
    state.why_not = {Code::kUnavailable, "the service has stopped"};
  }
  if (state.steward) state.steward->Stop();
  if (state.keeper) state.keeper->Stop();
  if (state.claim) state.claim->Release();
  if (state.farewells) state.farewells->Stop();
  state.fleet.reset();  // Lets go of the store.
  state.log.Info("stopped");
  return Status::Ok();
}

void OperationNode::SetGateway(const std::string& url, const std::string& process_secret) {
  state_->config.auth_gateway_url = url;
  state_->config.process_secret = process_secret;
}

std::uint16_t OperationNode::port() const { return state_->rest->port(); }

}  // namespace granary::operation
