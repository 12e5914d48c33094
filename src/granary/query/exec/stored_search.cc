#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>

#include "granary/query/exec/ordered_emitter.h"
#include "granary/query/exec/query_access.h"
#include "granary/query/exec/result_rows.h"
#include "granary/query/exec/search_paths.h"

namespace granary::query {
namespace {

constexpr std::size_t kSegmentsAtOnce =
    32;  ///< Are opened while it is not known how many it takes.

/// The work of a search in its order, or as much of it as surely fills the limit.
struct MorselList {
  std::vector<Morsel> morsels;
  bool whole = true;  ///< Nothing was left out at the end.
};

class MorselLister {
 public:
  MorselLister(const SearchPlan& plan, const QueryAccess& access,
               std::optional<std::uint64_t> limit, const RowPlace* after,
               const QueryContext& context, QueryStats& stats)
      : plan_(plan),
        access_(access),
        limit_(limit),
        after_(after),
        context_(context),
        stats_(stats) {}

  Result<MorselList> List() {
    for (std::size_t source = 0; source < plan_.rows.size(); ++source) {
      const SourceScan& scan = plan_.rows[source];
      const AccessPlan& access = access_.sources[source];
      const std::span<const PlannedSegment> live(access.segments);
      const std::size_t step = limit_ ? kSegmentsAtOnce : std::max<std::size_t>(live.size(), 1);
      for (std::size_t first = 0; first < live.size(); first += step) {
        if (Full()) break;
        const std::size_t count = std::min(step, live.size() - first);
        GRANARY_ASSIGN(auto groups, scan.RowGroups(source, access, live.subspan(first, count),
                                                   context_, stats_));
        for (Morsel& morsel : groups) Add(std::move(morsel));
      }
      if (!live.empty() && Full()) list_.whole = false;
      for (Morsel& chunk : scan.HotChunks(source, access, context_, stats_)) Add(std::move(chunk));
    }
    return std::move(list_);
  }

 private:
  bool Full() const { return limit_ && sure_ >= *limit_; }

  void Add(Morsel morsel) {
    if (Full()) {
      list_.whole = false;
      return;
    }
    if (after_ != nullptr && morsel.source == 0 && morsel.segment != nullptr &&
        morsel.segment->meta().id == after_->segment) {
      if (morsel.row_group < after_->row_group) return;
      if (morsel.row_group == after_->row_group) morsel.skip = std::int64_t{after_->row} + 1;
      if (morsel.RowIn(morsel.rows - 1) < morsel.skip) return;
    }
    // With rows left out by an index, what is skipped may be fewer than `skip`.
    const std::int64_t deleted =
        morsel.deleted == nullptr ? 0 : static_cast<std::int64_t>(morsel.deleted->size());
    if (morsel.all_match && morsel.rows > morsel.skip + deleted)
      sure_ += static_cast<std::uint64_t>(morsel.rows - morsel.skip - deleted);
    list_.morsels.push_back(std::move(morsel));
  }

  const SearchPlan& plan_;
  const QueryAccess& access_;
  const std::optional<std::uint64_t> limit_;
  const RowPlace* after_;
  const QueryContext& context_;
  QueryStats& stats_;
  std::uint64_t sure_ = 0;
  MorselList list_;
};

/// Takes the rows before morsel.skip out of those that match.
void Skip(const Morsel& morsel, ScannedRows& scanned) {
  if (morsel.skip == 0) return;
  if (scanned.selected) {
    std::erase_if(*scanned.selected,
                  [&](std::int32_t row) { return morsel.RowIn(row) < morsel.skip; });
    return;
  }
  std::vector<std::int32_t>& rows = scanned.selected.emplace();
  for (std::int64_t row = 0; row < scanned.rows; ++row) {
    if (morsel.RowIn(row) >= morsel.skip) rows.push_back(static_cast<std::int32_t>(row));
  }
}

/// A source without the columns asked for still has rows.
const arrow::RecordBatch& BatchOf(ScannedRows& scanned) {
  if (scanned.batch == nullptr)
    scanned.batch = arrow::RecordBatch::Make(arrow::schema({}), scanned.rows, arrow::ArrayVector());
  return *scanned.batch;
}

Result<std::optional<MorselRows>> Compute(const SearchPlan& plan, const Morsel& morsel,
                                          std::int64_t rows_max, const QueryContext& context,
                                          QueryStats& stats) {
  const SourceScan& scan = plan.rows[morsel.source];
  if (morsel.picked != nullptr) {
    GRANARY_ASSIGN(ScannedRows found, scan.ReadFirst(morsel, rows_max, context, stats));
    if (found.rows == 0) return std::optional<MorselRows>();
    GRANARY_ASSIGN(ResultBatch result,
                   MakeResult(plan, morsel.source, BatchOf(found), {}, rows_max));
    return std::optional(
        MorselRows{std::move(result), std::move(found.selected), std::move(found.memory)});
  }
  GRANARY_ASSIGN(ScannedRows scanned, scan.Read(morsel, context, stats));
  Skip(morsel, scanned);
  if (scanned.matches() == 0) return std::optional<MorselRows>();
  GRANARY_ASSIGN(ResultBatch result,
                 MakeResult(plan, morsel.source, BatchOf(scanned), scanned.selected, rows_max));
  return std::optional(
      MorselRows{std::move(result), std::move(scanned.selected), std::move(scanned.memory)});
}

StoredEnd EndOf(const MorselList& list, const std::optional<OrderedEmitter::Last>& last) {
  StoredEnd end;
  if (!last) return end;
  const Morsel& morsel = list.morsels[last->index];
  StoredRow& row = end.last.emplace();
  row.source = morsel.source;
  const std::int64_t at = morsel.RowIn(last->row);
  if (morsel.chunk != nullptr) {
    row.sequence = static_cast<std::uint64_t>(morsel.chunk->sequences->Value(at));
  } else {
    const storage::SegmentMeta& meta = morsel.segment->meta();
    row.segment =
        RowPlace{meta.min_sequence, meta.id, morsel.row_group, static_cast<std::int32_t>(at)};
  }
  end.more = last->more_rows || last->index + 1 < list.morsels.size() || !list.whole;
  return end;
}

}  // namespace

Result<QueryStats> SearchAsStored(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                  const QueryContext& given, const SearchSink& sink,
                                  const RowPlace* after, StoredEnd* end) {
  QueryStats stats;
  if (limit == 0) return stats;
  GRANARY_ASSIGN(const QueryAccess access, PlanStoredAccess(plan, limit, given, stats));
  const QueryContext context = access.With(given);
  GRANARY_ASSIGN(const MorselList list,
                 MorselLister(plan, access, limit, after, context, stats).List());
  const std::vector<Morsel>& morsels = list.morsels;
  // One more than wanted, which tells whether there is more.
  constexpr std::uint64_t kRowsMax = std::numeric_limits<std::int32_t>::max();
  const auto rows_max =
      static_cast<std::int64_t>(std::min<std::uint64_t>(limit.value_or(kRowsMax), kRowsMax)) + 1;

  OrderedEmitter emitter(sink, limit, context);
  const auto compute = [&](std::size_t i, const std::function<bool()>& goes_first,
                           QueryStats& own) {
    QueryContext mine = context;
    mine.goes_first = &goes_first;
    return Compute(plan, morsels[i], rows_max, mine, own);
  };
  GRANARY_TRY(emitter.Run(morsels.size(), compute, stats));
  if (end != nullptr) *end = EndOf(list, emitter.last());
  return stats;
}

}  // namespace granary::query
