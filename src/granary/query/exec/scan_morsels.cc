// SourceScan's pieces of work: the row groups and hot chunks that neither indexes nor statistics
// nor pages rule out, and which of their rows.
#include <algorithm>
#include <iterator>

#include <arrow/record_batch.h>

#include "granary/query/exec/hot_probe.h"
#include "granary/query/exec/page_pruning.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/query/exec/source_scan.h"

namespace granary::query {
namespace {

/// Pages are left out when those that stay have at most so much of the rows: else to read the whole
/// column chunk, and to keep it for others, is better.
constexpr std::int64_t kPagesPercent = 80;

/// Those of a segment's rows that are in one row group, counted from its first.
std::shared_ptr<const RowNumbers> PickedIn(const RowNumbers& rows, std::int64_t begin,
                                           std::int64_t count) {
  const auto first = std::lower_bound(rows.begin(), rows.end(), begin);
  const auto last = std::lower_bound(first, rows.end(), begin + count);
  auto within = std::make_shared<RowNumbers>(first, last);
  for (std::int32_t& row : *within) row -= static_cast<std::int32_t>(begin);
  return within;
}

/// Makes a row group's morsel one of the rows that its pages leave, where that is worth it.
void TakePages(const PagesLeft& left, Morsel& morsel) {
  const std::int64_t rows = CountRows(left.rows);
  if (rows * 100 > morsel.rows * kPagesPercent) return;
  morsel.rows = rows;
  morsel.spans = std::make_shared<const storage::RowSpans>(left.rows);
}

/// Positions of deleted rows in the morsel of a row group that begins at `begin`; null: none.
std::shared_ptr<const RowNumbers> DeletedOf(const storage::RowSet& deleted, std::int64_t begin,
                                            const Morsel& morsel) {
  const storage::RowSpans all = {{0, morsel.rows}};
  auto rows = std::make_shared<RowNumbers>();
  std::int64_t before = 0;
  for (const storage::RowSpan& span : morsel.spans == nullptr ? all : *morsel.spans) {
    const std::size_t first = rows->size();
    deleted.AppendIn(static_cast<std::uint64_t>(begin + span.begin),
                     static_cast<std::uint64_t>(begin + span.end), *rows);
    for (std::size_t i = first; i < rows->size(); ++i)
      (*rows)[i] += static_cast<std::int32_t>(before);
    before += span.rows();
  }
  return rows->empty() ? nullptr : std::shared_ptr<const RowNumbers>(std::move(rows));
}

/// The rows of a hot chunk that a snapshot up to `sequence` lacks; null: none.
std::shared_ptr<const RowNumbers> EndedRows(const storage::HotChunk& chunk,
                                            std::uint64_t sequence) {
  if (chunk.ends == nullptr || !chunk.ends->any()) return nullptr;
  auto ended = std::make_shared<RowNumbers>();
  chunk.ends->AppendEnded(chunk.ends_first, chunk.batch->num_rows(), sequence, *ended);
  return ended->empty() ? nullptr : std::shared_ptr<const RowNumbers>(std::move(ended));
}

/// Rows of a chunk at the beginning of each of the orders that a plan wants the first rows of,
/// `ended` of its rows apart; nothing when the chunk does not tell.
std::optional<RowNumbers> FirstOfChunk(const AccessPlan& plan, const PlannedChunk& planned,
                                       std::size_t ended, QueryStats& stats) {
  if (planned.choice.way != kFirst) return std::nullopt;
  RowNumbers all;
  for (const AccessAsk::Order& first : plan.first_by) {
    const auto rows = FirstInOrder(first.column, first.order, *planned.chunk,
                                   plan.first_count + ended, planned.choice.found_max);
    if (!rows) return std::nullopt;
    RowNumbers both;
    std::set_union(all.begin(), all.end(), rows->begin(), rows->end(), std::back_inserter(both));
    all = std::move(both);
  }
  stats.access_paths.insert("btree_index");
  return all;
}

/// Takes the deleted rows of a segment out of those that an index chose.
void DropDeleted(const PlannedSegment& planned, std::optional<RowNumbers>& picked) {
  if (planned.deleted == nullptr || !picked) return;
  std::erase_if(*picked, [&](std::int32_t row) {
    return planned.deleted->Contains(static_cast<std::uint32_t>(row));
  });
}

}  // namespace

std::int64_t Morsel::RowIn(std::int64_t row) const {
  if (picked != nullptr) return (*picked)[static_cast<std::size_t>(row)];
  if (spans == nullptr) return row;
  for (const storage::RowSpan& span : *spans) {
    if (row < span.rows()) return span.begin + row;
    row -= span.rows();
  }
  return row;
}

std::optional<RowNumbers> SourceScan::PickRows(const AccessPlan& plan,
                                               const PlannedSegment& planned,
                                               std::deque<Measured>* measured,
                                               QueryStats& stats) const {
  const SegmentChoice& choice = planned.choice;
  if (choice.probe >= 0) {
    const ProbeOrder order{questions_, plan.choices.probes[static_cast<std::size_t>(choice.probe)],
                           choice.found_max, choice.picked_max, measured};
    return ProbeSegment(order, *planned.segment, stats);
  }
  if (choice.way != kFirst) return std::nullopt;
  RowNumbers all;
  for (const AccessAsk::Order& first : plan.first_by) {
    // Those that are deleted may be the first ones.
    const auto rows =
        ProbeFirst(*planned.segment, first.column, first.order,
                   plan.first_count + planned.deleted_rows(), choice.found_max, stats);
    if (!rows) return std::nullopt;
    RowNumbers both;
    std::set_union(all.begin(), all.end(), rows->begin(), rows->end(), std::back_inserter(both));
    all = std::move(both);
  }
  return all;
}

Result<std::vector<Morsel>> SourceScan::RowGroupsOf(std::size_t source,
                                                    const PlannedSegment& planned,
                                                    const std::optional<RowNumbers>& picked,
                                                    const QueryContext& context,
                                                    QueryStats& stats) const {
  std::vector<Morsel> morsels;
  if (picked && picked->empty()) return morsels;
  GRANARY_ASSIGN(const auto reader, planned.segment->Reader());
  const bool by_pages = planned.choice.way == kPages;
  const SegmentPages* pages = planned.pages.get();
  const double comparisons = by_pages ? ComparisonsOf(*predicate_) : 0;
  if (by_pages && pages == nullptr) {
    std::vector<ColumnId> columns = filter_columns_;
    columns.insert(columns.end(), rest_.begin(), rest_.end());
    planned.segment->LoadPages(*reader, columns, stats.bytes_read);
  }
  std::int64_t begin = 0;  // Of the row group, in the segment.
  for (int group = 0; group < reader->row_groups(); begin += reader->rows(group++)) {
    GRANARY_TRY(context.cancel.Check());
    Morsel morsel{.source = source,
                  .segment = planned.segment,
                  .row_group = group,
                  .group_begin = begin,
                  .group_rows = reader->rows(group),
                  .rows = reader->rows(group),
                  .all_match = planned.all_match,
                  .picked = nullptr,
                  .group = planned.choice.group};
    if (picked) {
      morsel.picked = PickedIn(*picked, begin, reader->rows(group));
      morsel.rows = static_cast<std::int64_t>(morsel.picked->size());
      if (morsel.rows == 0) continue;
    }
    if (!planned.all_match) {
      const storage::Outcomes outcomes =
          StatsView::OfRowGroup(*reader, group, *snapshot_->schema).OutcomesOf(*predicate_);
      if (outcomes.NoneMatch()) continue;
      morsel.all_match = outcomes.AllMatch();
    }
    if (by_pages && !morsel.all_match) {
      if (pages != nullptr) {
        TakePages(pages->groups[static_cast<std::size_t>(group)], morsel);
      } else {
        GRANARY_ASSIGN(const PagesLeft left, PagesThatMayMatch(*reader, group, *snapshot_->schema,
                                                               *predicate_, context.cancel));
        stats.work[Counted::kPageLooked] +=
            static_cast<std::uint64_t>(static_cast<double>(left.total) * comparisons);
        TakePages(left, morsel);
      }
      if (morsel.spans != nullptr) stats.access_paths.insert("page_index");
      if (morsel.rows == 0) continue;
    }
    if (planned.deleted != nullptr && !picked) {
      morsel.deleted = DeletedOf(*planned.deleted, begin, morsel);
      if (morsel.deleted != nullptr &&
          static_cast<std::int64_t>(morsel.deleted->size()) == morsel.rows)
        continue;
    }
    morsels.push_back(std::move(morsel));
  }
  return morsels;
}

Result<std::vector<Morsel>> SourceScan::RowGroups(std::size_t source, const AccessPlan& plan,
                                                  std::span<const PlannedSegment> segments,
                                                  const QueryContext& context,
                                                  QueryStats& stats) const {
  std::vector<std::vector<Morsel>> of_segment(segments.size());
  std::vector<QueryStats> parts(segments.size());
  PlanRecord::OfSource* record =
      context.record == nullptr ? nullptr : &context.record->sources[source];
  GRANARY_TRY(
      context.pool.ParallelFor(segments.size(), context.parallelism, [&](std::size_t i) -> Status {
        GRANARY_TRY(context.cancel.Check());
        Stopwatch watch(record == nullptr ? nullptr : &record->groups[segments[i].choice.group],
                        &parts[i]);
        auto picked =
            PickRows(plan, segments[i], record == nullptr ? nullptr : &record->questions, parts[i]);
        DropDeleted(segments[i], picked);
        GRANARY_ASSIGN(of_segment[i], RowGroupsOf(source, segments[i], picked, context, parts[i]));
        return Status::Ok();
      }));
  for (const QueryStats& part : parts) stats.Add(part);
  std::vector<Morsel> morsels;
  for (std::vector<Morsel>& some : of_segment) {
    if (some.empty()) ++stats.segments_pruned;
    std::move(some.begin(), some.end(), std::back_inserter(morsels));
  }
  return morsels;
}

std::vector<Morsel> SourceScan::HotChunks(std::size_t source, const AccessPlan& plan,
                                          const QueryContext& context, QueryStats& stats) const {
  std::vector<Morsel> morsels;
  for (const PlannedChunk& planned : plan.hot) {
    const storage::HotChunk& chunk = *planned.chunk;
    Morsel morsel{.source = source,
                  .segment = nullptr,
                  .chunk = &chunk,
                  .rows = chunk.batch->num_rows(),
                  .all_match = !predicate_,
                  .picked = nullptr,
                  .group = planned.choice.group};
    const auto ended = EndedRows(chunk, snapshot_->visible_sequence);
    if (ended != nullptr) {
      if (static_cast<std::int64_t>(ended->size()) == morsel.rows) continue;
      morsel.deleted = ended;
    }
    std::optional<RowNumbers> rows =
        FirstOfChunk(plan, planned, ended == nullptr ? 0 : ended->size(), stats);
    if (planned.choice.probe >= 0) {
      // Only then the plan says how often which question is asked of hot rows.
      PlanRecord::OfSource* record =
          WantsAll(context.record) ? &context.record->sources[source] : nullptr;
      const ProbeOrder order{questions_,
                             plan.choices.probes[static_cast<std::size_t>(planned.choice.probe)],
                             planned.choice.found_max, planned.choice.picked_max,
                             record == nullptr ? nullptr : &record->questions};
      rows = ProbeChunk(order, chunk, stats);
    }
    if (rows) {
      if (ended != nullptr) {
        RowNumbers left;
        std::set_difference(rows->begin(), rows->end(), ended->begin(), ended->end(),
                            std::back_inserter(left));
        *rows = std::move(left);
        morsel.deleted = nullptr;
      }
      if (rows->empty()) continue;
      morsel.rows = static_cast<std::int64_t>(rows->size());
      morsel.picked = std::make_shared<const RowNumbers>(std::move(*rows));
    }
    morsels.push_back(std::move(morsel));
  }
  return morsels;
}

}  // namespace granary::query
