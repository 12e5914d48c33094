#include "granary/services/metadata_catalog/catalog.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
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
#include "granary/runtime/periodic.h"
#include "granary/services/metadata_catalog/catalog_openapi.h"
#include "granary/services/metadata_catalog/compaction_book.h"
#include "granary/services/metadata_catalog/routes.h"

namespace granary::catalog {
namespace {

constexpr std::chrono::milliseconds kScheduleInterval{1000};

Status MakeOwnFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return Status::Ok();
  return Status::IoError(fmt::format("{}: {}", folder, std::strerror(errno)));
}

// Files and a database's words are for the log alone.
Status Told(const Status& failure) {
  switch (failure.code()) {
    case Code::kIoError:
    case Code::kCorruption:
    case Code::kInternal: return {failure.code(), "the Metadata Catalog failed; its log says why"};
    default: return failure;
  }
}

}  // namespace

struct MetadataCatalog::State {
  State(const Config& chosen, Logger& logger)
      : config(chosen),
        log(logger),
        metrics(GRANARY_VERSION, {}),
        parts(metrics.NewCounter("granary_catalog_parts_total",
                                 "Parts of sources that nodes told and were taken")) {}

  Status ListenRest();
  hosting::Router MakeRouter();
  Result<std::shared_ptr<Desk>> Find() const {
    const std::lock_guard lock(mutex);
    if (desk == nullptr) return why_not;
    return desk;
  }
  void Set(std::shared_ptr<Desk> now, Status otherwise) {
    const std::lock_guard lock(mutex);
    desk = std::move(now);
    why_not = std::move(otherwise);
  }
  Status OpenDesk();
  void Sample(std::vector<hosting::Sample>& samples) const;
  void Schedule();

  Config config;
  Logger& log;
  io::SystemClock clock;
  io::PosixFileSystem files;
  hosting::Metrics metrics;
  hosting::Counter& parts;
  hosting::ServerHandle server;
  std::unique_ptr<io::FileLock> lock_file;
  std::unique_ptr<CatalogDb> db;
  std::unique_ptr<PolicyBook> policies;
  std::unique_ptr<HeardBook> heard;
  mutable std::mutex mutex;
  std::shared_ptr<Desk> desk;  // Guarded by mutex, as is:
  Status why_not{Code::kUnavailable, "the service is starting; try again soon"};
  std::unique_ptr<runtime::PeriodicJob> schedule;
  std::unique_ptr<hosting::RestDoor> rest;
  bool stopped = false;
};

void MetadataCatalog::State::Sample(std::vector<hosting::Sample>& samples) const {
  const auto found = Find();
  if (!found.ok()) return;
  const auto add = [&](std::string_view name, std::string_view help, const char* sql) {
    const auto value = (*found)->db.Read([sql](SqliteDb& file) { return file.QueryInteger(sql); });
    if (value.ok()) samples.push_back({name, help, static_cast<double>(*value)});
  };
  add("granary_catalog_sources", "Sources", "SELECT count(*) FROM sources");
  add("granary_catalog_files", "Live files", "SELECT coalesce(sum(files), 0) FROM sources");
  add("granary_catalog_compactions_running", "Compactions that nodes make for the catalog",
      "SELECT count(*) FROM compactions WHERE ended_us IS NULL AND state = 'running'");
  add("granary_catalog_compactions_waiting", "Compactions that wait for room",
      "SELECT count(*) FROM compactions WHERE ended_us IS NULL AND state = 'waiting'");
}

hosting::Router MetadataCatalog::State::MakeRouter() {
  hosting::Router router;
  hosting::CommonRoutes common{.service = "metadata-catalog",
                               .version = GRANARY_VERSION,
                               .openapi = CatalogOpenApi(),
                               .clock = clock,
                               .metrics = metrics,
                               .server = server};
  common.ready = [this] { return Find().status(); };
  common.sample = [this](std::vector<hosting::Sample>& samples) { Sample(samples); };
  hosting::AddCommonRoutes(std::move(common), router);
  const FindDesk find = [this] { return Find(); };
  AddNodeRoutes(find, router);
  AddSourceRoutes(find, router);
  AddCompactionRoutes(find, router);
  AddIcebergRoutes(router);
  hosting::AddLogRoute(log, "metadata-catalog", router);
  return router;
}

Status MetadataCatalog::State::ListenRest() {
  net::HttpServerOptions options = hosting::MakeServerOptions(config, config.metadata_catalog_port);
  GRANARY_ASSIGN(options.tls, hosting::LoadTls(config, files));
  hosting::DispatcherOptions dispatch;
  dispatch.service = hosting::kMetadataCatalog;
  dispatch.check_access = [this](net::HttpRequest& request) {
    return hosting::CheckFleetProgram(request, config);
  };
  dispatch.check_fleet = [this](net::HttpRequest& request) {
    return hosting::CheckFleetOperator(request, config, hosting::OwnMachine::kIsTrusted);
  };
  dispatch.told = Told;
  GRANARY_ASSIGN(rest, hosting::RestDoor::Listen(std::move(options), log, clock, metrics,
                                                 MakeRouter(), std::move(dispatch), server));
  log.Info("listening", {{"service", "metadata-catalog"},
                         {"host", config.rest_host},
                         {"port", rest->port()},
                         {"version", GRANARY_VERSION}});
  return Status::Ok();
}

Status MetadataCatalog::State::OpenDesk() {
  GRANARY_ASSIGN(db, CatalogDb::Open(io::JoinPath(FolderOf(config), "catalog.sqlite")));
  GRANARY_ASSIGN(policies, PolicyBook::Open(*db, static_cast<std::uint64_t>(config.max_policies)));
  heard = std::make_unique<HeardBook>(clock.WallMicros());
  Set(std::make_shared<Desk>(Desk{config, *db, *policies, *heard, clock, log, parts}), {});
  return Status::Ok();
}

void MetadataCatalog::State::Schedule() {
  const auto found = Find();
  if (!found.ok()) return;
  if (const Status kept = KeepSchedule(**found); !kept.ok())
    log.Error("compactions were not scheduled", {{"error", kept.ToString()}});
}

Result<std::unique_ptr<MetadataCatalog>> MetadataCatalog::Listen(const Config& config,
                                                                 Logger& log) {
  auto state = std::make_unique<State>(config, log);
  GRANARY_TRY(state->ListenRest());
  return std::unique_ptr<MetadataCatalog>(new MetadataCatalog(std::move(state)));
}

MetadataCatalog::MetadataCatalog(std::unique_ptr<State> state) : state_(std::move(state)) {}

MetadataCatalog::~MetadataCatalog() {
  if (const Status status = Stop(); !status.ok())
    state_->log.Error("stop failed", {{"error", status.ToString()}});
}

Status MetadataCatalog::Open() {
  State& state = *state_;
  const std::string folder = FolderOf(state.config);
  GRANARY_TRY(state.files.CreateDirectories(state.config.data_path));
  GRANARY_TRY(MakeOwnFolder(folder));
  GRANARY_ASSIGN(state.lock_file, state.files.Lock(io::JoinPath(folder, "LOCK")));
  if (const Status opened = state.OpenDesk(); !opened.ok()) {
    state.log.Error("the catalog cannot be used", {{"error", opened.ToString()}});
    state.Set(nullptr, {Code::kUnavailable, "the catalog's file cannot be used; its log says why"});
    return Status::Ok();
  }
  state.schedule = std::make_unique<runtime::PeriodicJob>("catalog-schedule", kScheduleInterval,
                                                          [this] { state_->Schedule(); });
  state.log.Info("ready", {{"service", "metadata-catalog"}});
  return Status::Ok();
}

// Requests first, then who schedules: the file goes last.
Status MetadataCatalog::Stop() {
  State& state = *state_;
  if (std::exchange(state.stopped, true)) return Status::Ok();
  if (state.rest) state.rest->Stop(state.config.stop_timeout_seconds * 1000);
  state.schedule.reset();
  state.Set(nullptr, {Code::kUnavailable, "the service has stopped"});
  state.db.reset();
  state.log.Info("stopped", {{"service", "metadata-catalog"}});
  return Status::Ok();
}

std::uint16_t MetadataCatalog::port() const { return state_->rest->port(); }

}  // namespace granary::catalog
