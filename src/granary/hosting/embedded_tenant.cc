#include "granary/hosting/embedded_tenant.h"

#include <utility>

#include "granary/api/request_json.h"
#include "granary/api/response_json.h"
#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/io/posix_file_system.h"
#include "granary/runtime/memory_budget.h"
#include "granary/runtime/worker_pool.h"

namespace granary::hosting {
namespace {

// A service's own data is small; what it costs to keep must be, too.
constexpr std::uint64_t kWalFileBytes = 4u << 20;
constexpr std::uint64_t kWalKeptBytes = 16u << 20;
constexpr std::uint64_t kCacheParts = 8;
constexpr std::uint64_t kHotParts = 4;
constexpr std::size_t kThreads = 1;

}  // namespace

struct EmbeddedTenant::Machinery {
  explicit Machinery(std::uint64_t memory_bytes) : memory("embedded", memory_bytes) {}
  io::PosixFileSystem files;
  io::SystemClock clock;
  runtime::MemoryBudget memory;
  runtime::WorkerPool pool{{.threads = kThreads}};
};

EmbeddedTenant::EmbeddedTenant(std::unique_ptr<Machinery> machinery, std::unique_ptr<Tenant> tenant)
    : machinery_(std::move(machinery)), tenant_(std::move(tenant)) {}
EmbeddedTenant::~EmbeddedTenant() = default;

Result<std::unique_ptr<EmbeddedTenant>> EmbeddedTenant::Open(const EmbeddedTenantOptions& options,
                                                             Logger& log) {
  auto machinery = std::make_unique<Machinery>(options.memory_bytes);
  TenantOptions tenant;
  GRANARY_ASSIGN(tenant.id, TenantId::Parse(options.tenant_id));
  tenant.name = options.tenant_id;
  tenant.query_parallelism = kThreads;
  tenant.memory.query_bytes = options.memory_bytes / kHotParts;
  tenant.memory.kept_bytes = options.memory_bytes / kCacheParts;
  storage::StoreOptions& store = tenant.store;
  store.root = options.root;
  store.tenant = tenant.id;
  store.wal_lanes = 1;
  store.wal_file_bytes = kWalFileBytes;
  store.wal_batch_bytes_max = kWalFileBytes;
  store.wal_retention_bytes = kWalKeptBytes;
  store.wal_lane_bytes_max = kWalKeptBytes;
  store.hot_bytes_max = options.memory_bytes / kHotParts;
  store.segment_files.column_cache_bytes = options.memory_bytes / kCacheParts;
  store.segment_files.index_cache_bytes = options.memory_bytes / kCacheParts;
  store.compaction.memory_bytes = options.memory_bytes / kHotParts;
  const storage::StoreDeps deps{machinery->files, machinery->clock,  io::Failpoints::None(), log,
                                machinery->pool,  &machinery->memory};
  GRANARY_ASSIGN(auto opened, Tenant::Open(deps, std::move(tenant)));
  return std::unique_ptr<EmbeddedTenant>(
      new EmbeddedTenant(std::move(machinery), std::move(opened)));
}

Status EmbeddedTenant::AddSource(std::string_view body) {
  GRANARY_ASSIGN(const storage::SourceDefinition definition, api::ParseSource(body));
  return tenant_->AddSource(definition).status();
}

Status EmbeddedTenant::ChangeSource(const std::string& source, std::string_view body) {
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(source));
  GRANARY_ASSIGN(const storage::SourceChange change, api::ParseSourceChange(body));
  return tenant_->ChangeSource(id, change).status();
}

Status EmbeddedTenant::Write(const std::string& source, std::string_view records) {
  WriteRequest request{.records = records, .pointer = "", .shape = json::RecordShape::kBare};
  GRANARY_ASSIGN(request.source, SourceId::Parse(source));
  return tenant_->Write(request).status();
}

Result<query::AggregateAnswer> EmbeddedTenant::Aggregate(std::string_view body,
                                                         const runtime::CancelToken& cancel) {
  GRANARY_ASSIGN(const query::AggregateRequest request, api::ParseAggregate(body));
  return tenant_->Aggregate(request, cancel);
}

Result<std::string> EmbeddedTenant::Search(std::string_view body,
                                           const runtime::CancelToken& cancel) {
  GRANARY_ASSIGN(const query::SearchRequest request, api::ParseSearch(body, /*streaming=*/false));
  std::string out = "[";
  const auto take = [&out](const query::ResultBatch& rows) {
    api::AppendRecordsJson(rows, "", ",", out);
    return Status::Ok();
  };
  GRANARY_TRY(tenant_->Search(request, cancel, take).status());
  if (out.ends_with(',')) out.pop_back();
  return out + "]";
}

Status EmbeddedTenant::Close() { return tenant_->Close(); }

}  // namespace granary::hosting
