#include "granary/tenant/tenant.h"

#include <algorithm>

#include <arrow/api.h>

#include "granary/tenant/parser_mode.h"

namespace granary {
namespace {

// Each retry means that another writer has just added a column; more than this is not a race.
constexpr int kEvolveAttemptsMax = 16;

SourceInfo InfoOf(const storage::Source& source) {
  return {source.definition(), source.schema(), source.created_us()};
}

SourceStatsInfo StatsOf(const storage::Source& source) {
  SourceStatsInfo info;
  info.id = source.definition().id;
  info.stats = source.Stats();
  info.schema = source.schema();
  return info;
}

}  // namespace

Tenant::Tenant(storage::StoreDeps deps, TenantOptions options,
               std::unique_ptr<storage::Store> store)
    : options_(std::move(options)),
      deps_(deps),
      store_(std::move(store)),
      admission_(options_.admission) {}

Tenant::~Tenant() = default;

Result<std::unique_ptr<Tenant>> Tenant::Open(storage::StoreDeps deps, TenantOptions options) {
  options.store.tenant = options.id;
  GRANARY_ASSIGN(auto store, storage::Store::Open(deps, options.store));
  return std::unique_ptr<Tenant>(new Tenant(deps, std::move(options), std::move(store)));
}

Result<Tenant::Added> Tenant::AddSource(const storage::SourceDefinition& definition) {
  GRANARY_TRY(ParserMode(definition.schema_mode).status());
  GRANARY_ASSIGN(const auto added, store_->AddSource(definition));
  return Added{InfoOf(*added.source), added.created};
}

std::vector<SourceInfo> Tenant::ListSources() const {
  std::vector<SourceInfo> sources;
  for (const auto& source : store_->List()) sources.push_back(InfoOf(*source));
  return sources;
}

Result<SourceInfo> Tenant::GetSource(const SourceId& id) const {
  GRANARY_ASSIGN(const auto source, store_->Find(id));
  return InfoOf(*source);
}

Status Tenant::DropSource(const SourceId& id, bool keep_data) {
  return store_->DropSource(id, keep_data);
}

Result<SourceStatsInfo> Tenant::Stats(const SourceId& id) const {
  GRANARY_ASSIGN(const auto source, store_->Find(id));
  return StatsOf(*source);
}

TenantStats Tenant::Stats() const {
  TenantStats total;
  total.id = options_.id;
  total.name = options_.name;
  for (const auto& source : store_->List()) {
    SourceStatsInfo info = StatsOf(*source);
    total.rows += info.stats.rows;
    total.bytes += info.stats.bytes;
    total.segments += info.stats.segments;
    total.sources.push_back(std::move(info));
  }
  return total;
}

Status Tenant::Flush(const SourceId& id) {
  GRANARY_ASSIGN(const auto source, store_->Find(id));
  return source->Flush();
}

Result<WriteAnswer> Tenant::Write(const WriteRequest& request) {
  GRANARY_ASSIGN(const auto source, store_->Find(request.source));
  GRANARY_ASSIGN(const auto mode, ParserMode(source->definition().schema_mode));
  json::RecordParser parser(options_.records);
  for (int attempt = 1;; ++attempt) {
    json::RejectedRecords found;
    GRANARY_ASSIGN(auto parsed,
                   parser.Parse(request.records, request.pointer, request.shape, mode,
                                source->schema(), request.skips_wrong ? &found : nullptr));
    const auto rows = static_cast<std::uint64_t>(parsed.batch->num_rows());
    auto outcome = source->Write(parsed.schema, std::move(parsed.batch));
    if (outcome.ok()) {
      WriteAnswer answer{request.source, rows, *outcome, std::nullopt};
      if (request.skips_wrong) answer.rejected.emplace().Add(std::move(found));
      return answer;
    }
    // Another write evolved the schema meanwhile: this batch is read again against the new one.
    if (outcome.status().code() != Code::kConflict || attempt == kEvolveAttemptsMax)
      return outcome.status();
  }
}

Result<std::vector<storage::SourceSnapshot>> Tenant::Snapshots(
    const std::vector<SourceId>& ids) const {
  std::vector<storage::SourceSnapshot> snapshots;
  if (ids.empty()) {
    for (const auto& source : store_->List()) snapshots.push_back(source->Snapshot());
    return snapshots;
  }
  std::vector<SourceId> distinct = ids;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  for (const SourceId& id : distinct) {
    GRANARY_ASSIGN(const auto source, store_->Find(id));
    snapshots.push_back(source->Snapshot());
  }
  return snapshots;
}

Result<query::QueryStats> Tenant::Search(const query::SearchRequest& request,
                                         const runtime::CancelToken& cancel,
                                         const query::SearchSink& sink,
                                         const query::ShapeSink& begin) {
  GRANARY_ASSIGN(const auto slot, admission_.Enter(cancel));
  GRANARY_ASSIGN(const auto snapshots, Snapshots(request.sources));
  const query::QueryContext context{
      .pool = deps_.pool, .parallelism = options_.query_parallelism, .cancel = cancel};
  return query::RunSearch(request, snapshots, context, sink, begin);
}

Result<query::AggregateAnswer> Tenant::Aggregate(const query::AggregateRequest& request,
                                                 const runtime::CancelToken& cancel) {
  GRANARY_ASSIGN(const auto slot, admission_.Enter(cancel));
  GRANARY_ASSIGN(const auto snapshots, Snapshots(request.sources));
  const query::QueryContext context{
      .pool = deps_.pool, .parallelism = options_.query_parallelism, .cancel = cancel};
  return query::RunAggregate(request, snapshots, context);
}

runtime::AdmissionCounts Tenant::admission() const { return admission_.counts(); }

Status Tenant::Close() { return store_->Close(); }

}  // namespace granary
