#include "granary/query/exec/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <optional>

#include "granary/query/exec/aggregate_access.h"
#include "granary/query/exec/aggregate_blocks.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/aggregate_spill.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/answer_rows.h"
#include "granary/query/exec/compiled_patterns.h"
#include "granary/query/exec/finish_groups.h"
#include "granary/query/exec/freed_later.h"
#include "granary/query/exec/group_states.h"
#include "granary/query/exec/kept_aggregates.h"
#include "granary/query/exec/plan_record.h"

namespace granary::query {
namespace {

// Morsel i always goes to lane i mod kLanes, in order, and lanes are merged in order: whichever
// threads run them, floats are added up in the same order and groups are met in the same order.
constexpr std::size_t kLanes = 16;

/// Vectors double: while one does, it takes half as much again.
std::uint64_t GrowingBytes(const AggregateTable& table) { return table.bytes() / 2 * 3; }

struct Lane {
  explicit Lane(const AggregatePlan& plan) : table(plan) {}
  AggregateTable table;
  QueryStats stats;
};

/// The morsels of all sources, as the plan says; segments that statistics alone can answer go into
/// `known` instead.
Result<std::vector<Morsel>> ListMorsels(const AggregatePlan& plan, const QueryAccess& access,
                                        const QueryContext& context, AggregateTable& known,
                                        QueryStats& stats) {
  std::vector<Morsel> morsels;
  for (std::size_t source = 0; source < plan.scans.size(); ++source) {
    const SourceScan& scan = plan.scans[source];
    const AccessPlan& of_source = access.sources[source];
    std::vector<PlannedSegment> to_read;
    for (const PlannedSegment& planned : of_source.segments) {
      bool answered = false;
      if (planned.choice.way == kMetadata) {
        GRANARY_ASSIGN(answered,
                       known.AddSegment(*planned.segment, source, planned.deleted_rows()));
      }
      if (answered)
        stats.access_paths.insert("metadata");
      else
        to_read.push_back(planned);
    }
    GRANARY_ASSIGN(auto groups, scan.RowGroups(source, of_source, to_read, context, stats));
    std::move(groups.begin(), groups.end(), std::back_inserter(morsels));
    for (Morsel& chunk : scan.HotChunks(source, of_source, context, stats))
      morsels.push_back(std::move(chunk));
  }
  return morsels;
}

/// The budget that is in the way of the lane's groups, and what it has so far is of no use; else
/// null.
Result<const runtime::MemoryBudget*> RunLane(const AggregatePlan& plan,
                                             const std::vector<Morsel>& morsels, std::size_t first,
                                             const QueryContext& context, Lane& lane,
                                             runtime::MemoryReservation& held) {
  AggregateBlocks blocks(plan);
  const runtime::MemoryBudget* refused_by = nullptr;
  for (std::size_t i = first; i < morsels.size() && refused_by == nullptr; i += kLanes) {
    const std::size_t source = morsels[i].source;
    GRANARY_ASSIGN(const ScannedRows scanned,
                   plan.scans[source].Read(morsels[i], context, lane.stats));
    GRANARY_TRY(blocks.ForEachRun(scanned, source, context, [&]() -> Status {
      if (refused_by != nullptr) return Status::Ok();
      GRANARY_TRY(lane.table.Add(blocks, context.cancel));
      refused_by = held.GrowTo(GrowingBytes(lane.table));
      return Status::Ok();
    }));
  }
  return refused_by;
}

using Lanes = std::vector<std::unique_ptr<Lane>>;

std::size_t PiecesOfTable(const AggregateTable& table) { return table.groups(); }
std::size_t PiecesOfLanes(const Lanes& lanes) {
  std::size_t pieces = 0;
  for (const auto& lane : lanes) pieces += lane == nullptr ? 0 : lane->table.groups();
  return pieces;
}
std::size_t PiecesOfAnswer(const AnswerColumns& answer) { return answer.groups; }

/// All lanes, merged into `table`; or the budget that is in the way.
Result<const runtime::MemoryBudget*> RunLanes(const AggregatePlan& plan,
                                              const std::vector<Morsel>& morsels,
                                              const QueryContext& context, AggregateTable& table,
                                              runtime::MemoryReservation& held, QueryStats& stats) {
  FreedLater<Lanes> lanes(context.pool, &PiecesOfLanes);
  std::vector<runtime::MemoryReservation> lanes_held;  // Not freed later: the share ends with us.
  for (std::size_t i = 0; i < std::min(kLanes, morsels.size()); ++i) {
    lanes->push_back(std::make_unique<Lane>(plan));
    lanes_held.emplace_back(context.memory);
  }
  std::atomic<const runtime::MemoryBudget*> refused_by = nullptr;
  GRANARY_TRY(
      context.pool.ParallelFor(lanes->size(), context.parallelism, [&](std::size_t i) -> Status {
        if (refused_by.load() != nullptr) return Status::Ok();
        GRANARY_ASSIGN(const auto* refused,
                       RunLane(plan, morsels, i, context, *(*lanes)[i], lanes_held[i]));
        if (refused != nullptr) refused_by.store(refused);
        return Status::Ok();
      }));
  if (refused_by.load() != nullptr) return refused_by.load();
  for (std::size_t i = 0; i < lanes->size(); ++i) {
    GRANARY_TRY(context.cancel.Check());
    GRANARY_TRY(table.Merge((*lanes)[i]->table, context.cancel));
    stats.Add((*lanes)[i]->stats);
    (*lanes)[i].reset();
    lanes_held[i] = runtime::MemoryReservation();
    if (const auto* refused = held.GrowTo(table.bytes())) return refused;
  }
  return nullptr;
}

/// What becomes of a table that all rows are in.
using EmitTable = std::function<Status(AggregateTable& table, const QueryContext& context)>;

Status EmitGroups(const AggregateRequest& request, const AggregatePlan& plan, AggregateTable& table,
                  const QueryContext& context, const AggregateSink& sink) {
  FreedLater<AnswerColumns> finished(context.pool, &PiecesOfAnswer);
  GRANARY_ASSIGN(*finished, FinishGroups(plan, table, context.cancel));
  GRANARY_ASSIGN(const auto picked, PickGroups(request, *finished, context.cancel));
  for (std::size_t first = 0; first < picked.size(); first += kGroupsAtOnce) {
    GRANARY_TRY(context.cancel.Check());
    std::vector<std::vector<Value>> rows;
    for (std::size_t i = first; i < std::min<std::size_t>(picked.size(), first + kGroupsAtOnce);
         ++i) {
      std::vector<Value>& row = rows.emplace_back();
      for (std::vector<Value>& column : finished->values)
        row.push_back(std::move(column[picked[i]]));
    }
    GRANARY_TRY(sink(plan.answer, std::move(rows)));
  }
  return Status::Ok();
}

std::size_t PiecesOfShared(const std::shared_ptr<AggregateTable>& table) {
  return table.use_count() == 1 ? table->groups() : 0;
}

/// Where merging what is kept is measured; null when nobody wants to know.
Measured* MeasuredOfKept(const QueryContext& context) {
  const bool is_wanted = context.record != nullptr && context.record->kept != nullptr;
  return is_wanted ? &context.record->kept->measured : nullptr;
}

/// RunInMemory where states of whole segments are kept: those of the segments that are not covered
/// first, then the hot rows on top. `morsels` are of the segments, then hot.
Result<const runtime::MemoryBudget*> RunOnKept(const AggregatePlan& plan,
                                               const QueryContext& context, const EmitTable& emit,
                                               KeptQuestion question, const KeptAggregate* kept,
                                               std::vector<Morsel> morsels,
                                               const AggregateTable& known, QueryStats& stats) {
  const auto hot_begin = std::stable_partition(
      morsels.begin(), morsels.end(), [](const Morsel& morsel) { return morsel.chunk == nullptr; });
  const std::vector<Morsel> hot(std::make_move_iterator(hot_begin),
                                std::make_move_iterator(morsels.end()));
  morsels.erase(hot_begin, morsels.end());
  std::int64_t rows = 0;
  for (const Morsel& morsel : morsels) rows += morsel.rows;

  QueryStats of_lanes;
  FreedLater<std::shared_ptr<AggregateTable>> sealed(context.pool, &PiecesOfShared,
                                                     std::make_shared<AggregateTable>(plan));
  runtime::MemoryReservation sealed_held(context.memory);
  const AggregateTable* base = sealed->get();
  const bool all_kept =
      kept != nullptr && morsels.empty() && kept->segments.size() == question.segments.size();
  if (all_kept) {
    base = kept->table.get();
  } else {
    if (kept != nullptr) {
      Stopwatch watch(MeasuredOfKept(context));
      watch.rows = kept->table->groups();
      if (const auto* refused = sealed_held.GrowTo(kept->table->bytes())) return refused;
      GRANARY_TRY((*sealed)->Merge(*kept->table, context.cancel));
    }
    GRANARY_TRY((*sealed)->MergeKnown(known));
    GRANARY_ASSIGN(const auto* refused,
                   RunLanes(plan, morsels, context, **sealed, sealed_held, of_lanes));
    if (refused != nullptr) return refused;
  }
  FreedLater<AggregateTable> table(context.pool, &PiecesOfTable, plan);
  runtime::MemoryReservation held(context.memory);
  AggregateTable* answer = sealed->get();
  if (all_kept || !hot.empty()) {
    answer = &*table;
    if (const auto* refused = held.GrowTo(base->bytes())) return refused;
    Stopwatch watch(all_kept ? MeasuredOfKept(context) : nullptr);
    watch.rows = base->groups();
    GRANARY_TRY(table->Merge(*base, context.cancel));
    GRANARY_ASSIGN(const auto* refused, RunLanes(plan, hot, context, *table, held, of_lanes));
    if (refused != nullptr) return refused;
  }
  if (const auto* refused = held.GrowTo(held.bytes() + FinishedBytes(plan, *answer)))
    return refused;
  stats.Add(of_lanes);
  if (kept != nullptr) stats.access_paths.insert("partial_cache");
  GRANARY_TRY(emit(*answer, context));
  if (!all_kept && (kept != nullptr || rows >= context.kept->options().rows_min)) {
    (*sealed)->Settle();
    context.kept->Keep(question.key, {std::move(question.segments), *sealed});
  }
  return nullptr;
}

/// Null, or the budget that is in the way; then nothing was emitted, and `stats` count as far as
/// listing the morsels. What they leave out is in `known`.
Result<const runtime::MemoryBudget*> RunInMemory(const AggregatePlan& plan,
                                                 const QueryContext& given, const EmitTable& emit,
                                                 std::vector<Morsel>& morsels,
                                                 AggregateTable& known, QueryStats& stats) {
  GRANARY_ASSIGN(const QueryAccess access, PlanAggregateAccess(plan, {}, given, stats));
  const QueryContext context = access.With(given);
  GRANARY_ASSIGN(morsels, ListMorsels(plan, access, context, known, stats));
  FreedLater<AggregateTable> table(context.pool, &PiecesOfTable, plan);
  runtime::MemoryReservation held(context.memory);
  if (plan.groups.empty()) GRANARY_TRY(table->MergeKnown(known));
  QueryStats of_lanes;
  GRANARY_ASSIGN(const auto* refused_by, RunLanes(plan, morsels, context, *table, held, of_lanes));
  if (refused_by != nullptr) return refused_by;
  if (const auto* refused = held.GrowTo(held.bytes() + FinishedBytes(plan, *table))) return refused;
  stats.Add(of_lanes);
  GRANARY_TRY(emit(*table, context));
  return nullptr;
}

bool HasHotRows(const AggregatePlan& plan) {
  return std::ranges::any_of(plan.scans,
                             [](const SourceScan& scan) { return !scan.snapshot().hot.empty(); });
}

struct KeptRun {
  bool is_done = false;  ///< Else nothing was emitted: no state is kept of such, or it did not fit.
  bool held_once = false;  ///< It did not fit, and does not without keeping either.
  QueryStats stats;        ///< When it is done.
};

/// By the states of whole segments that are kept, where the question is one of which they are.
Result<KeptRun> TryOnKept(const AggregateRequest& request, const AggregatePlan& plan,
                          const QueryContext& given, const EmitTable& emit) {
  KeptRun run;
  auto question = KeptQuestionOf(request, plan, given);
  if (!question) return run;
  GRANARY_ASSIGN(KeptAccess planned, PlanKeptAccess(plan, *question, given, run.stats));
  const QueryContext context = planned.access.With(given);
  AggregateTable known(plan, KeyLookup::kCompact);
  GRANARY_ASSIGN(auto morsels, ListMorsels(plan, planned.access, context, known, run.stats));
  const auto kept = std::move(planned.kept);
  GRANARY_ASSIGN(const auto* refused, RunOnKept(plan, context, emit, std::move(*question),
                                                kept.get(), std::move(morsels), known, run.stats));
  run.is_done = refused == nullptr;
  run.held_once = !run.is_done && kept == nullptr && !HasHotRows(plan);
  return run;
}

Result<QueryStats> SpillAtOnce(const AggregateRequest& request, const AggregatePlan& plan,
                               const QueryContext& given, const AggregateSink& sink) {
  QueryStats stats;
  GRANARY_ASSIGN(const QueryAccess access, PlanAggregateAccess(plan, {}, given, stats));
  const QueryContext context = access.With(given);
  AggregateTable known(plan, KeyLookup::kCompact);
  GRANARY_ASSIGN(const auto morsels, ListMorsels(plan, access, context, known, stats));
  GRANARY_TRY(SpillAggregate(request, plan, known, morsels, kLanes, context, sink, stats));
  return stats;
}

/// Of what outgrows the share: the states of as many rows as fit, again and again. On this thread
/// alone, which may wait for whoever takes them.
Status HandOnInParts(const AggregatePlan& plan, const std::vector<Morsel>& morsels,
                     const QueryContext& context, const StatesSink& sink, QueryStats& stats) {
  AggregateBlocks blocks(plan);
  std::optional<AggregateTable> table;
  runtime::MemoryReservation held(context.memory);
  const auto hand_on = [&]() -> Status {
    if (!table) return Status::Ok();
    GRANARY_TRY(PutGroupStates(plan, *table, context.cancel, sink));
    table.reset();
    held.ShrinkTo(0);
    return Status::Ok();
  };
  for (const Morsel& morsel : morsels) {
    GRANARY_ASSIGN(const ScannedRows scanned,
                   plan.scans[morsel.source].Read(morsel, context, stats));
    GRANARY_TRY(blocks.ForEachRun(scanned, morsel.source, context, [&]() -> Status {
      if (!table) table.emplace(plan, KeyLookup::kCompact);
      GRANARY_TRY(table->Add(blocks, context.cancel));
      return held.GrowTo(GrowingBytes(*table)) == nullptr ? Status::Ok() : hand_on();
    }));
  }
  return hand_on();
}

std::uint64_t BytesOfRow(const std::vector<Value>& row) {
  std::uint64_t bytes = sizeof row + row.capacity() * sizeof(Value);
  for (const Value& value : row) {
    if (const auto* text = std::get_if<std::string>(&value)) bytes += text->capacity();
  }
  return bytes;
}

}  // namespace

Result<QueryStats> RunAggregate(const AggregateRequest& asked,
                                const std::vector<storage::SourceSnapshot>& sources,
                                const QueryContext& given, const AggregateSink& sink) {
  GRANARY_ASSIGN(const auto compiled, WithPatterns<AggregateRequest>::Make(asked, given));
  const AggregateRequest& request = compiled.get();
  GRANARY_ASSIGN(const AggregatePlan plan, PlanAggregate(request, sources));
  GRANARY_TRY(CheckAnswer(request, plan.answer));
  const EmitTable emit = [&](AggregateTable& table, const QueryContext& context) {
    return EmitGroups(request, plan, table, context, sink);
  };
  GRANARY_ASSIGN(const KeptRun kept, TryOnKept(request, plan, given, emit));
  if (kept.is_done) return kept.stats;
  if (kept.held_once && given.spill != nullptr) return SpillAtOnce(request, plan, given, sink);
  QueryStats stats;
  std::vector<Morsel> morsels;
  AggregateTable known(plan, KeyLookup::kCompact);
  GRANARY_ASSIGN(const auto* refused_by, RunInMemory(plan, given, emit, morsels, known, stats));
  if (refused_by == nullptr) return stats;
  if (given.spill == nullptr) return Outgrown(*refused_by, given);
  // From the beginning: what the first attempt read is not counted.
  GRANARY_TRY(SpillAggregate(request, plan, known, morsels, kLanes, given, sink, stats));
  return stats;
}

Result<QueryStats> RunAggregateStates(const AggregateRequest& asked,
                                      const std::vector<storage::SourceSnapshot>& sources,
                                      const QueryContext& given, const StatesSink& sink) {
  GRANARY_ASSIGN(const auto compiled, WithPatterns<AggregateRequest>::Make(asked, given));
  const AggregateRequest& request = compiled.get();
  GRANARY_ASSIGN(const AggregatePlan plan, PlanAggregate(request, sources));
  const EmitTable emit = [&](AggregateTable& table, const QueryContext& context) {
    return PutGroupStates(plan, table, context.cancel, sink);
  };
  GRANARY_ASSIGN(const KeptRun kept, TryOnKept(request, plan, given, emit));
  if (kept.is_done) return kept.stats;
  QueryStats stats;
  std::vector<Morsel> morsels;
  AggregateTable known(plan, KeyLookup::kCompact);
  GRANARY_ASSIGN(const auto* refused, RunInMemory(plan, given, emit, morsels, known, stats));
  if (refused == nullptr) return stats;
  GRANARY_TRY(PutGroupStates(plan, known, given.cancel, sink));
  GRANARY_TRY(HandOnInParts(plan, morsels, given, sink, stats));
  return stats;
}

Result<AggregateAnswer> RunAggregate(const AggregateRequest& asked,
                                     const std::vector<storage::SourceSnapshot>& sources,
                                     const QueryContext& context) {
  GRANARY_ASSIGN(const auto compiled, WithPatterns<AggregateRequest>::Make(asked, context));
  const AggregateRequest& request = compiled.get();
  AggregateAnswer answer;
  GRANARY_ASSIGN(const AggregatePlan plan, PlanAggregate(request, sources));
  answer.columns = plan.answer;
  runtime::MemoryReservation held(context.memory);
  std::uint64_t bytes = 0;
  const auto keep = [&](const std::vector<AggregateColumn>&,
                        std::vector<std::vector<Value>> rows) -> Status {
    for (std::vector<Value>& row : rows) {
      bytes += BytesOfRow(row);
      answer.rows.push_back(std::move(row));
    }
    const runtime::MemoryBudget* refused_by = held.GrowTo(bytes);
    if (refused_by == nullptr) return Status::Ok();
    if (refused_by != context.memory) return Outgrown(*refused_by, context);
    return {Code::kTooLarge,
            fmt::format("the answer of {} rows and more does not fit the query's share of {} bytes "
                        "(QUERY_MEMORY_MB): ask with a limit",
                        answer.rows.size(), context.memory->reach())};
  };
  GRANARY_ASSIGN(answer.stats, RunAggregate(request, sources, context, keep));
  return answer;
}

}  // namespace granary::query
