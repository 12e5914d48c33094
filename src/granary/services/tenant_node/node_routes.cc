#include <utility>
#include <vector>

#include "granary/hosting/common_routes.h"
#include "granary/hosting/log_route.h"
#include "granary/services/tenant_node/openapi_document.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

void AddTenantSamples(Tenant& tenant, std::vector<hosting::Sample>& out) {
  const TenantHoldings held = tenant.Holdings();
  double wal_files = 0, wal_bytes = 0, wal_frames = 0, wal_syncs = 0;
  for (const auto& lane : tenant.store().wal_stats()) {
    wal_files += static_cast<double>(lane.files);
    wal_bytes += static_cast<double>(lane.bytes);
    wal_frames += static_cast<double>(lane.frames);
    wal_syncs += static_cast<double>(lane.syncs);
  }
  const auto admission = tenant.admission();
  out.insert(
      out.end(),
      {
          {"granary_sources", "Sources of the tenant", static_cast<double>(held.sources)},
          {"granary_segments", "Live Parquet files", static_cast<double>(held.segments)},
          {"granary_segment_bytes", "Bytes of live Parquet files", static_cast<double>(held.bytes)},
          {"granary_rows", "Rows that are held", static_cast<double>(held.rows)},
          {"granary_hot_bytes", "Fresh rows in memory",
           static_cast<double>(tenant.store().hot_bytes())},
          {"granary_wal_files", "Log files", wal_files},
          {"granary_wal_bytes", "Bytes of log in use", wal_bytes},
          {"granary_wal_frames_total", "Writes logged by this process", wal_frames, true},
          {"granary_wal_syncs_total", "Syncs of the log by this process", wal_syncs, true},
          {"granary_searches_running", "Searches and aggregates that run",
           static_cast<double>(admission.running)},
          {"granary_searches_queued", "Searches and aggregates that wait",
           static_cast<double>(admission.queued)},
          {"granary_searches_admitted_total", "Searches and aggregates started",
           static_cast<double>(admission.admitted), true},
          {"granary_searches_refused_total", "Refused because the queue was full",
           static_cast<double>(admission.refused), true},
          {"granary_searches_retry_after_seconds", "When those that wait will have started",
           static_cast<double>(admission.retry_after_seconds)},
      });
}

double Number(std::uint64_t value) { return static_cast<double>(value); }

void AddCompaction(Tenant& tenant, std::vector<hosting::Sample>& out) {
  const storage::CompactionTotals totals = tenant.store().compaction_totals();
  const storage::CompactionCounts& counts = totals.counts;
  out.insert(
      out.end(),
      {
          {"granary_compaction_jobs_running", "Compactions that run", Number(totals.jobs_running)},
          {"granary_compaction_jobs_queued", "Compactions that wait", Number(totals.jobs_queued)},
          {"granary_compactions_done_total", "Compactions that ended", Number(totals.jobs_done),
           true},
          {"granary_compactions_failed_total", "Compactions that failed",
           Number(totals.jobs_failed), true},
          {"granary_compactions_cancelled_total", "Compactions that were cancelled",
           Number(totals.jobs_cancelled), true},
          {"granary_compaction_seconds_total", "Time that compactions took", totals.seconds, true},
          {"granary_compaction_merges_total", "Merges of files", Number(counts.merges), true},
          {"granary_compaction_files_in_total", "Files that were replaced", Number(counts.files_in),
           true},
          {"granary_compaction_files_out_total", "Files in their place", Number(counts.files_out),
           true},
          {"granary_compaction_bytes_in_total", "Bytes of files that were replaced",
           Number(counts.bytes_in), true},
          {"granary_compaction_bytes_out_total", "Bytes of files in their place",
           Number(counts.bytes_out), true},
          {"granary_compaction_debt_files", "Files that should have been merged by now",
           Number(totals.debt_files)},
          {"granary_write_delay_seconds", "What such files cost a write, of the source with most",
           static_cast<double>(totals.write_delay_us_max) / 1e6},
          {"granary_writes_slowed_total", "Writes that waited for them",
           Number(totals.writes_slowed), true},
          {"granary_writes_refused_total", "Writes that were refused because of them",
           Number(totals.writes_refused), true},
      });
}

void AddWorkers(const NodeState& state, std::vector<hosting::Sample>& out) {
  const runtime::ScalingReport report = state.scaler->report();
  const runtime::ScalingInputs seen = report.last.value_or(runtime::ScalingInputs{});
  out.insert(
      out.end(),
      {
          {"granary_workers", "Worker threads", Number(report.workers)},
          {"granary_workers_min", "MIN_WORKERS", Number(report.limits.workers_min)},
          {"granary_workers_max", "MAX_WORKERS", Number(report.limits.workers_max)},
          {"granary_workers_busy", "Those with something to do", seen.busy_workers},
          {"granary_worker_cpu_percent", "Of their time, what they computed",
           seen.worker_cpu_percent},
          {"granary_worker_tasks_queued", "Tasks that wait for a worker", Number(seen.queued)},
          {"granary_worker_queue_delay_seconds", "So long they wait", seen.queue_delay_ms / 1000},
          {"granary_workers_grown_total", "How often workers were added", Number(report.grown),
           true},
          {"granary_workers_shrunk_total", "How often workers were taken away",
           Number(report.shrunk), true},
      });
}

void AddLearning(Tenant& tenant, std::vector<hosting::Sample>& out) {
  const LearnerCounts counts = tenant.learner().counts();
  const auto add = [&out](std::string_view name, std::string_view help, std::uint64_t count) {
    out.push_back({name, help, static_cast<double>(count), /*counts_up=*/true});
  };
  add("granary_learned_queries_total", "Queries that the cost model learned from", counts.learned);
  add("granary_learning_dropped_total", "Queries that nobody learned from in time", counts.dropped);
  add("granary_learning_clipped_total", "Timings that were further off than noise explains",
      counts.clipped);
  add("granary_learning_refused_total", "Timings that could not be", counts.refused);
  add("granary_cost_models_total", "Cost models that served, one after the other", counts.models);
}

void AddProcessMemory(const ProcessMemory& memory, std::vector<hosting::Sample>& out) {
  out.insert(
      out.end(),
      {
          {"granary_memory_limit_bytes", "MEMORY_LIMIT_MB", Number(memory.limit())},
          {"granary_memory_reserved_bytes", "Spoken for, of that", Number(memory.all().reserved())},
          {"granary_memory_peak_bytes", "The most that was spoken for",
           Number(memory.all().peak())},
          {"granary_memory_refusals_total", "Reservations that the limit was in the way of",
           Number(memory.all().refusals()), true},
          {"granary_memory_bodies_bytes", "Bodies of requests", Number(memory.bodies().reserved())},
          {"granary_memory_others_bytes", "Resident, and reserved by nobody",
           Number(memory.others().reserved())},
      });
}

void AddTenantMemory(Tenant& tenant, std::vector<hosting::Sample>& out) {
  const TenantMemoryStats memory = tenant.memory();
  const storage::CachedBytes cached = tenant.store().cached_bytes();
  out.insert(
      out.end(),
      {
          {"granary_memory_hot_tier_bytes", "Fresh rows", Number(tenant.store().hot_bytes())},
          {"granary_memory_column_cache_bytes", "Decoded columns", Number(cached.columns)},
          {"granary_memory_partial_cache_bytes", "Kept states of aggregates", Number(memory.kept)},
          {"granary_memory_index_cache_bytes", "Blocks of indexes", Number(cached.index_blocks)},
          {"granary_memory_open_files_bytes", "Footers of open files", Number(cached.open_files)},
          {"granary_memory_queries_bytes", "Running queries", Number(memory.queries)},
          {"granary_memory_queries_peak_bytes", "The most that queries held at once",
           Number(memory.queries_peak)},
          {"granary_memory_writes_bytes", "Writes being parsed and logged", Number(memory.writes)},
          {"granary_memory_queries_waiting", "Queries that wait for memory",
           Number(memory.query_line.waiting)},
          {"granary_memory_queries_refused_total", "Queries that waited in vain",
           Number(memory.query_line.refused), true},
          {"granary_memory_writes_waiting", "Writes that wait for memory",
           Number(memory.write_line.waiting)},
          {"granary_memory_writes_refused_total", "Writes that waited in vain",
           Number(memory.write_line.refused), true},
          {"granary_spill_bytes", "Temporary files of running queries", Number(memory.spill_bytes)},
          {"granary_spilled_bytes_total", "Written to temporary files",
           Number(memory.spilled_bytes_total), true},
      });
}

// Of so many tenants, those that were used last: the number of series stays bounded.
constexpr std::size_t kTenantsShown = 50;

void AddTenants(NodeState& state, std::vector<hosting::Sample>& out) {
  const TenantCounts counts = state.tenants->counts();
  out.insert(
      out.end(),
      {
          {"granary_tenants", "Tenants that the node serves", Number(counts.hosted)},
          {"granary_tenants_open", "Those that are open", Number(counts.open)},
          {"granary_tenants_troubled", "Those that cannot be opened", Number(counts.troubled)},
          {"granary_tenants_opened_total", "How often one was opened", Number(counts.opened), true},
          {"granary_tenants_closed_total", "How often one was closed", Number(counts.closed), true},
      });
}

// Four numbers each: they are told of more of them than what is held.
constexpr std::size_t kTenantsCounted = 300;

void AddTraffic(const NodeState& state, std::vector<hosting::Sample>& out) {
  for (const auto& [tenant, counts] : state.tenants->Traffic(kTenantsCounted)) {
    const auto add = [&](std::string_view name, std::string_view help, std::uint64_t count) {
      out.push_back({name, help, Number(count), /*counts_up=*/true, tenant});
    };
    add("granary_tenant_requests_total", "REST requests to the tenant", counts.requests);
    add("granary_tenant_calls_total", "gRPC calls to the tenant", counts.calls);
    add("granary_tenant_rows_written_total", "Records acknowledged", counts.rows_written);
    add("granary_tenant_rows_returned_total", "Records and groups sent", counts.rows_returned);
  }
}

void AddAllOf(Tenant& tenant, std::vector<hosting::Sample>& samples) {
  AddTenantSamples(tenant, samples);
  AddTenantMemory(tenant, samples);
  AddCompaction(tenant, samples);
  AddLearning(tenant, samples);
}

}  // namespace

void AddNodeRoutes(NodeState& state, hosting::Router& router) {
  hosting::CommonRoutes common{.service = "tenant-node",
                               .version = NodeVersion(),
                               .openapi = OpenApiDocument(),
                               .clock = state.clock,
                               .metrics = state.metrics,
                               .server = state.server};
  common.ready = [&state] { return state.tenants->status(); };
  common.describe = [&state](api::JsonObject& health) {
    if (state.config.node_capacity > 1) {
      // Whose they are is for those who know them.
      const TenantCounts counts = state.tenants->counts();
      health.Add("capacity", state.config.node_capacity);
      health.Add("tenants", counts.hosted);
      health.Add("tenants_open", counts.open);
    } else {
      health.Add("tenant_id", state.config.tenant_id);
      health.Add("tenant_name", state.config.tenant_name);
    }
    const std::uint16_t grpc_port = state.grpc_port;
    health.Add("grpc_port", grpc_port == 0 ? std::nullopt : std::optional(grpc_port));
  };
  common.sample = [&state](std::vector<hosting::Sample>& samples) {
    AddProcessMemory(state.memory, samples);
    AddWorkers(state, samples);
    if (state.config.node_capacity > 1) AddTenants(state, samples);
    AddTraffic(state, samples);
    for (const auto& tenant : state.tenants->OpenOnes(kTenantsShown)) {
      const std::size_t before = samples.size();
      AddAllOf(*tenant, samples);
      if (state.tenants->is_alone()) return;
      for (std::size_t i = before; i < samples.size(); ++i) samples[i].tenant = tenant->id().str();
    }
  };
  hosting::AddCommonRoutes(std::move(common), router);
  hosting::AddLogRoute(state.log, "tenant-node", router);
}

}  // namespace granary::services
