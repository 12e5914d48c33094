#include "granary/query/exec/aggregate.h"

#include <algorithm>

#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/answer_rows.h"
#include "granary/query/exec/freed_later.h"

namespace granary::query {
namespace {

// Morsel i always goes to lane i mod kLanes, in order, and lanes are merged in order: whichever
// threads run them, floats are added up in the same order and groups are met in the same order.
constexpr std::size_t kLanes = 16;

constexpr std::uint32_t kGroupsAtOnce = 4096;  ///< Between two looks at the token.

struct Lane {
  explicit Lane(const AggregatePlan& plan) : table(plan) {}
  AggregateTable table;
  QueryStats stats;
};

/// The morsels of all sources; segments that statistics alone can answer go into `known` instead.
Result<std::vector<Morsel>> ListMorsels(const AggregatePlan& plan, const QueryContext& context,
                                        AggregateTable& known, QueryStats& stats) {
  std::vector<Morsel> morsels;
  for (std::size_t source = 0; source < plan.scans.size(); ++source) {
    const SourceScan& scan = plan.scans[source];
    std::vector<LiveSegment> to_read;
    for (LiveSegment& live : scan.LiveSegments(stats)) {
      bool answered = false;
      if (live.all_match) {
        GRANARY_ASSIGN(answered, known.AddSegment(*live.segment, source));
      }
      if (answered) {
        stats.access_paths.insert("metadata");
      } else {
        to_read.push_back(std::move(live));
      }
    }
    GRANARY_ASSIGN(auto groups, scan.RowGroups(source, to_read, context, stats));
    std::move(groups.begin(), groups.end(), std::back_inserter(morsels));
    for (Morsel& chunk : scan.HotChunks(source)) morsels.push_back(std::move(chunk));
  }
  return morsels;
}

Status RunLane(const AggregatePlan& plan, const std::vector<Morsel>& morsels, std::size_t first,
               const QueryContext& context, Lane& lane) {
  for (std::size_t i = first; i < morsels.size(); i += kLanes) {
    const std::size_t source = morsels[i].source;
    GRANARY_ASSIGN(const ScannedRows scanned,
                   plan.scans[source].Read(morsels[i], context, lane.stats));
    GRANARY_TRY(lane.table.Add(scanned, source, context));
  }
  return Status::Ok();
}

Result<AnswerColumns> Finish(const AggregatePlan& plan, AggregateTable& table,
                             const runtime::CancelToken& cancel) {
  AnswerColumns answer;
  answer.columns = plan.answer;
  answer.groups = table.groups();
  for (std::size_t column = 0; column < plan.answer.size(); ++column) {
    std::vector<Value> values;
    values.reserve(answer.groups);
    for (std::uint32_t group = 0; group < answer.groups; ++group) {
      if (group % kGroupsAtOnce == 0) GRANARY_TRY(cancel.Check());
      const bool is_group = column < plan.groups.size();
      values.push_back(is_group ? table.GroupValue(column, group)
                                : table.AggregateValue(column - plan.groups.size(), group));
    }
    answer.values.push_back(std::move(values));
  }
  return answer;
}

using Lanes = std::vector<std::unique_ptr<Lane>>;

std::size_t PiecesOfTable(const AggregateTable& table) { return table.groups(); }
std::size_t PiecesOfLanes(const Lanes& lanes) {
  std::size_t pieces = 0;
  for (const auto& lane : lanes) pieces += lane == nullptr ? 0 : lane->table.groups();
  return pieces;
}
std::size_t PiecesOfAnswer(const AnswerColumns& answer) { return answer.groups; }

}  // namespace

Result<AggregateAnswer> RunAggregate(const AggregateRequest& request,
                                     const std::vector<storage::SourceSnapshot>& sources,
                                     const QueryContext& context) {
  GRANARY_ASSIGN(const AggregatePlan plan, PlanAggregate(request, sources));
  GRANARY_TRY(CheckAnswer(request, plan.answer));

  AggregateAnswer answer;
  FreedLater<AggregateTable> table(context.pool, &PiecesOfTable, plan);
  GRANARY_ASSIGN(const auto morsels, ListMorsels(plan, context, *table, answer.stats));
  FreedLater<Lanes> lanes(context.pool, &PiecesOfLanes);
  for (std::size_t i = 0; i < std::min(kLanes, morsels.size()); ++i)
    lanes->push_back(std::make_unique<Lane>(plan));
  GRANARY_TRY(context.pool.ParallelFor(lanes->size(), context.parallelism, [&](std::size_t i) {
    return RunLane(plan, morsels, i, context, *(*lanes)[i]);
  }));
  for (std::unique_ptr<Lane>& lane : *lanes) {
    GRANARY_TRY(context.cancel.Check());
    GRANARY_TRY(table->Merge(lane->table, context.cancel));
    answer.stats.Add(lane->stats);
    lane.reset();
  }

  FreedLater<AnswerColumns> finished(context.pool, &PiecesOfAnswer);
  GRANARY_ASSIGN(*finished, Finish(plan, *table, context.cancel));
  GRANARY_ASSIGN(const auto picked, PickGroups(request, *finished));
  for (const std::uint32_t group : picked) {
    if (answer.rows.size() % kGroupsAtOnce == 0) GRANARY_TRY(context.cancel.Check());
    std::vector<Value> row;
    for (std::vector<Value>& column : finished->values) row.push_back(std::move(column[group]));
    answer.rows.push_back(std::move(row));
  }
  answer.columns = plan.answer;
  return answer;
}

}  // namespace granary::query
