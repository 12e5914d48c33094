#include "granary/tenant/tenant.h"

#include <algorithm>

#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/base/wrong_places.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/kept_aggregates.h"
#include "granary/runtime/cpu_shares.h"
#include "granary/runtime/memory_wait.h"
#include "granary/storage/manifest/findings.h"
#include "granary/tenant/calibration.h"
#include "granary/tenant/key_nulls.h"
#include "granary/tenant/parser_mode.h"
#include "granary/tenant/repeated_answer.h"
#include "granary/tenant/widened_records.h"

namespace granary {
namespace {

constexpr std::chrono::milliseconds kCalibrationMax{30};

SourceInfo InfoOf(const storage::Source& source) {
  const storage::SourceShape shape = source.shape();
  return {*shape.definition, shape.schema, source.created_us()};
}

SourceStatsInfo StatsOf(const storage::Source& source) {
  SourceStatsInfo info;
  info.id = source.definition()->id;
  info.stats = source.Stats();
  info.schema = info.stats.schema;
  return info;
}

/// `bytes` in all, of which the text explains the smaller part. Who waits for them holds some
/// already, so one write at a time does; what the others hold is in its way, and they are refused.
Status HoldForNulls(TenantMemory& memory, runtime::MemoryReservation& held, std::uint64_t bytes,
                    std::chrono::milliseconds wait_max, const runtime::CancelToken& cancel) {
  const runtime::MemoryBudget* refused_by = held.GrowTo(bytes);
  if (refused_by == nullptr) return Status::Ok();
  const bool is_first = !memory.waits_for_nulls.exchange(true);
  runtime::MemoryWait wait(memory.writes, is_first ? wait_max : std::chrono::milliseconds(0));
  Status status;
  while (status.ok() && refused_by != nullptr) {
    const std::uint64_t more = bytes - held.bytes();
    status = cancel.Check().At("while waiting for memory");
    if (status.ok() && !wait.Pause(*refused_by, held.bytes(), more))
      status = wait.Refusal(*refused_by, held.bytes(), more)
                   .At("most of it for columns that records lack");
    if (status.ok()) refused_by = held.GrowTo(bytes, runtime::Refusals::kRepeated);
  }
  if (is_first) memory.waits_for_nulls = false;
  return status;
}

}  // namespace

Tenant::Tenant(storage::StoreDeps deps, TenantOptions options, std::unique_ptr<TenantMemory> memory,
               std::unique_ptr<storage::Store> store, CursorSeal seal)
    : options_(std::move(options)),
      deps_(deps),
      memory_(std::move(memory)),
      store_(std::move(store)),
      spill_(deps_.files, io::JoinPath(store_->tenant_folder(), "spill"), options_.memory.spill),
      kept_(std::make_unique<query::KeptAggregates>(
          query::KeptAggregatesOptions{.bytes_max = options_.memory.kept_bytes}, &memory_->all)),
      learner_(std::make_unique<QueryLearner>(
          deps_.files, deps_.clock, deps_.log, io::JoinPath(store_->tenant_folder(), "cost_model"),
          options_.id.str(), options_.optimizer, options_.learner)),
      seal_(std::move(seal)),
      admission_(options_.admission),
      running_(deps_.clock) {}

Tenant::~Tenant() { StopRetention(); }

Result<std::unique_ptr<Tenant>> Tenant::Open(storage::StoreDeps deps, TenantOptions options) {
  options.store.tenant = options.id;
  auto memory = std::make_unique<TenantMemory>(options.memory, deps.memory);
  deps.memory = &memory->all;
  GRANARY_ASSIGN(auto store, storage::Store::Open(deps, options.store));
  GRANARY_ASSIGN(std::string key, store->Secret("cursor"));
  std::unique_ptr<Tenant> tenant(new Tenant(deps, std::move(options), std::move(memory),
                                            std::move(store), CursorSeal(std::move(key))));
  GRANARY_TRY(tenant->spill_.Sweep());
  tenant->StartRetention();
  QueryLearner::MeasureFn measure = tenant->options_.learner.measure;
  if (measure == nullptr)
    measure = [&pool = deps.pool] { return MeasureWork(pool, kCalibrationMax); };
  tenant->learner_->Start(std::move(measure), deps.jobs);
  return tenant;
}

Result<Tenant::Added> Tenant::AddSource(const storage::SourceDefinition& definition) {
  GRANARY_ASSIGN(const auto added, store_->AddSource(definition));
  return Added{InfoOf(*added.source), added.created};
}

SourceList Tenant::ListSources() const {
  SourceList list;
  for (const auto& source : store_->List()) list.sources.push_back(InfoOf(*source));
  list.damaged = store_->ListRefused();
  return list;
}

Result<SourceInfo> Tenant::GetSource(const SourceId& id) const {
  GRANARY_ASSIGN(const auto source, store_->Find(id));
  return InfoOf(*source);
}

Result<SourceInfo> Tenant::ChangeSource(const SourceId& id, const storage::SourceChange& change) {
  GRANARY_ASSIGN(const auto source, store_->Find(id));
  GRANARY_ASSIGN(const storage::SourceShape shape, source->Change(change));
  return SourceInfo{*shape.definition, shape.schema, source->created_us()};
}

Result<std::vector<storage::SchemaVersion>> Tenant::SchemaHistory(const SourceId& id) const {
  GRANARY_ASSIGN(const auto source, store_->Find(id));
  return source->schema_history();
}

Result<storage::SourcePaths> Tenant::Paths(const SourceId& id) const {
  GRANARY_ASSIGN(const auto source, store_->Find(id));
  const storage::SourceSnapshot snapshot = source->Snapshot();
  GRANARY_TRY(snapshot.failure);
  return storage::CollectPaths(snapshot);
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

TenantHoldings Tenant::Holdings() const {
  TenantHoldings total;
  for (const auto& source : store_->List()) {
    const storage::SourceSnapshot snapshot = source->Snapshot();
    ++total.sources;
    total.segments += snapshot.segments.size();
    for (const storage::HotChunk& chunk : snapshot.hot)
      total.rows += static_cast<std::uint64_t>(chunk.batch->num_rows());
    for (const auto& segment : snapshot.segments) {
      const storage::RowSetPtr deleted = segment->DeletedAt(snapshot.visible_sequence);
      total.rows += segment->meta().rows - (deleted == nullptr ? 0 : deleted->count());
      total.bytes += segment->meta().bytes;
    }
  }
  return total;
}

Status Tenant::Flush(const SourceId& id) {
  GRANARY_ASSIGN(const auto source, store_->Find(id));
  return source->Flush();
}

Status Tenant::FlushAll() {
  Status first;
  for (const auto& source : store_->List()) {
    const Status flushed = source->Flush();
    if (first.ok() && flushed.code() != Code::kSourceNotFound) first = flushed;
  }
  return first;
}

Result<std::shared_ptr<storage::Source>> Tenant::FindNamed(const SourceId& id) const {
  auto found = store_->Find(id);
  if (found.ok() || found.status().code() != Code::kSourceNotFound) return found;
  return Status::Invalid(Code::kSourceNotFound, "/source_id",
                         std::string(found.status().message()));
}

Result<WriteAnswer> Tenant::Write(const WriteRequest& request) {
  GRANARY_ASSIGN(const auto source, FindNamed(request.source));
  std::optional<storage::KeyTurn> turn;
  if (request.key) {
    GRANARY_ASSIGN(storage::KeyTurn taken, source->TakeKey(*request.key, request.cancel));
    if (const auto& first = taken.first()) return RepeatedAnswer(request.source, *first);
    turn.emplace(std::move(taken));
  }
  GRANARY_ASSIGN(runtime::MemoryReservation held,
                 HoldForWrite(request.records.size(), request.cancel));
  json::RecordLimits limits = options_.records;
  std::uint64_t null_bytes = 0;
  limits.null_room = [&](std::uint64_t bytes) {
    null_bytes = bytes;
    return HoldForNulls(*memory_, held, request.records.size() * kWriteBytesPerTextByte + bytes,
                        options_.memory.wait_max, request.cancel);
  };
  json::RecordParser parser(std::move(limits));
  if (deps_.pacer != nullptr) deps_.pacer->Pace();
  for (int attempt = 1;; ++attempt) {
    const storage::SourceShape shape = source->shape();
    const json::SchemaMode mode = ParserMode(shape.definition->schema_mode);
    json::RejectedRecords found;
    GRANARY_ASSIGN(auto parsed, parser.Parse(request.records, request.pointer, request.shape, mode,
                                             shape.schema, request.skips_wrong ? &found : nullptr));
    GRANARY_TRY(TakeOutNullKeys(
        shape.definition->primary_key, 0,
        [&](std::int64_t record, const std::string& column) {
          return fmt::format("{}/{}{}/{}", request.pointer, record,
                             request.shape == json::RecordShape::kFields ? "/fields" : "",
                             storage::PointerStep(column));
        },
        parsed, request.skips_wrong ? &found : nullptr));
    // The records find room in the hot tier only if the write does not stand in its own way: what
    // it holds there is what their frame takes before.
    held.ShrinkTo(request.records.size() * kParsedBytesPerTextByte + null_bytes / 2);
    runtime::CpuShares::EndSlice();  // It waits for the log from here on.
    const auto rows = static_cast<std::uint64_t>(parsed.batch->num_rows());
    WriteAnswer answer{.source = request.source, .written = rows, .outcome = {}};
    if (request.skips_wrong) answer.rejected.emplace().Add(std::move(found));
    if (turn) turn->set_note(Rejections::ToNote(answer.rejected));
    auto outcome = source->Write(parsed.schema, std::move(parsed.batch), turn ? &*turn : nullptr,
                                 request.cancel);
    if (outcome.ok()) {
      answer.outcome = *outcome;
      return answer;
    }
    // Another write or a PATCH changed the schema meanwhile: this batch is read again against the
    // new one.
    if (outcome.status().code() != Code::kConflict || attempt == kEvolveAttemptsMax)
      return AtRecord(outcome.status(), parsed.widened);
    held.ForceTo(request.records.size() * kWriteBytesPerTextByte);
  }
}

Result<std::vector<storage::SourceSnapshot>> Tenant::Snapshots(
    const std::vector<SourceId>& ids, const Rights& rights,
    const std::vector<std::string>& pointers) const {
  constexpr auto kRead = security::Verb::kRead;
  std::vector<storage::SourceSnapshot> snapshots;
  if (ids.empty()) {
    GRANARY_TRY(rights.NeedSomewhere(kRead));
    for (const auto& damaged : store_->ListRefused()) {
      if (!rights.May(kRead, damaged.source)) continue;
      const Status& why = damaged.why;
      return Status(why.code(), fmt::format("{}; to leave the source out, name the others in "
                                            "source_ids",
                                            why.message()));
    }
    for (const auto& source : store_->List()) {
      if (!rights.May(kRead, source->definition()->id)) continue;
      snapshots.push_back(source->Snapshot());
      GRANARY_TRY(snapshots.back().failure);
    }
    return snapshots;
  }
  std::vector<SourceId> distinct = ids;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  // Before anything is looked for: a refusal tells nothing about what there is.
  for (const SourceId& id : distinct) GRANARY_TRY(rights.Need(kRead, id));
  WrongPlaces wrong;
  for (std::size_t i = 0; i < ids.size() && pointers.size() == ids.size(); ++i) {
    const Status found = store_->Find(ids[i]).status();
    if (found.code() == Code::kSourceNotFound)
      wrong.Add(Status::Invalid(found.code(), pointers[i], std::string(found.message())));
  }
  GRANARY_TRY(wrong.Take());
  for (const SourceId& id : distinct) {
    GRANARY_ASSIGN(const auto source, store_->Find(id));
    snapshots.push_back(source->Snapshot());
    GRANARY_TRY(snapshots.back().failure);
  }
  return snapshots;
}

Result<runtime::MemoryReservation> Tenant::HoldForWrite(std::uint64_t text_bytes,
                                                        const runtime::CancelToken& cancel) {
  return memory_->write_line.Enter(memory_->writes, text_bytes * kWriteBytesPerTextByte, cancel);
}

TenantMemoryStats Tenant::memory() const {
  return {.limit = memory_->all.reach(),
          .reserved = memory_->all.reserved(),
          .peak = memory_->all.peak(),
          .refusals = memory_->all.refusals(),
          .queries = memory_->queries.reserved(),
          .queries_peak = memory_->queries.peak(),
          .writes = memory_->writes.reserved(),
          .query_line = memory_->query_line.counts(),
          .write_line = memory_->write_line.counts(),
          .spill_bytes = spill_.bytes(),
          .spilled_bytes_total = spill_.bytes_total(),
          .kept = kept_->bytes()};
}

runtime::AdmissionCounts Tenant::admission() const { return admission_.counts(); }

Status Tenant::Close() {
  StopRetention();
  learner_->Stop();
  return store_->Close();
}

}  // namespace granary
