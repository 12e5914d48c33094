#include "granary/query/exec/search_pages.h"

#include <arrow/record_batch.h>

#include <algorithm>

#include "granary/query/exec/compiled_patterns.h"
#include "granary/query/exec/point_get.h"
#include "granary/query/exec/rewound_search.h"
#include "granary/query/exec/search_paths.h"
#include "granary/query/exec/search_plan.h"

namespace granary::query {
namespace {

using Sources = std::vector<storage::SourceSnapshot>;

/// Part of a source, in the order in which pages without order_by show it.
struct Leg {
  storage::SourceSnapshot rows;
  std::uint32_t source = 0;
  /// Rows that were hot and were flushed since: several segments hold them, interleaved.
  bool by_sequence = false;

  bool empty() const { return rows.segments.empty() && rows.hot.empty(); }
};

Status Foreign() {
  return Status::Invalid(Code::kInvalidRequest, "/cursor",
                         "the cursor is not of a search like this one");
}

/// True for a segment whose rows have all been shown.
bool IsPast(const storage::SegmentMeta& meta, const RowPlace& place) {
  return meta.min_sequence != place.min_sequence ? meta.min_sequence < place.min_sequence
                                                 : meta.id < place.segment;
}

/// Leaves out what lies before `place`.
Status SkipTo(const RowPlace& place, storage::SourceSnapshot& rows) {
  std::erase_if(rows.segments, [&](const auto& segment) { return IsPast(segment->meta(), place); });
  if (!rows.segments.empty() && rows.segments.front()->meta().id == place.segment)
    return Status::Ok();
  return {Code::kCursorExpired, "a file of the snapshot that the cursor began with is gone"};
}

/// What is left of one source: what was in segments, then what was hot.
Status AddLegs(const storage::SourceSnapshot& source, std::uint32_t rank,
               const StoredPosition* after, std::vector<Leg>& legs) {
  const bool in_hot = after != nullptr && !after->segment;
  if (in_hot && after->sequence < source.flushed_sequence) return Foreign();
  Leg old{storage::OldSegments(source), rank, false};
  if (in_hot) old.rows.segments.clear();
  if (after != nullptr && after->segment) GRANARY_TRY(SkipTo(*after->segment, old.rows));
  Leg rest{storage::After(source, in_hot ? after->sequence : source.flushed_sequence), rank, false};
  if (rest.rows.segments.empty()) {
    old.rows.hot = std::move(rest.rows.hot);
    rest.rows.hot.clear();
  }
  rest.by_sequence = true;
  if (!old.empty()) legs.push_back(std::move(old));
  if (!rest.empty()) legs.push_back(std::move(rest));
  return Status::Ok();
}

class StoredPager {
 public:
  /// `whole` is the plan over all of `sources`.
  StoredPager(const SearchRequest& request, const SearchPlan& whole, const Sources& sources,
              const Sources& known, const QueryContext& context, const SearchSink& sink)
      : request_(request),
        whole_(whole),
        sources_(sources),
        known_(known),
        context_(context),
        left_(request.limit) {
    for (const storage::SourceSnapshot& source : sources) by_rank_.push_back(&source);
    std::sort(by_rank_.begin(), by_rank_.end(),
              [](const auto* a, const auto* b) { return a->id < b->id; });
    sink_ = [this, &sink](const ResultBatch& rows) {
      if (left_) *left_ -= static_cast<std::uint64_t>(rows.batch->num_rows());
      return sink(rows);
    };
  }

  Result<SearchPage> Run(const StoredPosition* after) {
    const std::uint32_t first = after == nullptr ? 0 : after->source;
    if (first > 0 && first >= by_rank_.size()) return Foreign();
    for (std::uint32_t rank = first; rank < by_rank_.size(); ++rank) {
      GRANARY_TRY(AddLegs(*by_rank_[rank], rank, rank == first ? after : nullptr, legs_));
    }
    const RowPlace* place = after != nullptr && after->segment ? &*after->segment : nullptr;
    for (std::size_t leg = 0; leg < legs_.size() && left_ != 0; place = nullptr) {
      if (legs_[leg].by_sequence) {
        GRANARY_TRY(RunBySequence(legs_[leg]));
        ++leg;
      } else {
        std::size_t end = leg + 1;
        while (end < legs_.size() && !legs_[end].by_sequence) ++end;
        GRANARY_TRY(RunAsStored(leg, end, place));
        leg = end;
      }
      if (left_ == 0 && !more_ && leg == legs_.size()) page_.next.reset();
    }
    if (left_ != 0) page_.next.reset();
    return std::move(page_);
  }

 private:
  /// All segments of the one source, which has nothing hot: there is a plan for them.
  bool IsWhole(const Leg& leg) const {
    return legs_.size() == 1 && sources_.size() == 1 && sources_[0].hot.empty() &&
           leg.rows.segments.size() == sources_[0].segments.size();
  }

  Status RunAsStored(std::size_t begin, std::size_t end, const RowPlace* place) {
    if (IsWhole(legs_[begin])) return RunPlan(whole_, place);
    Sources run;
    for (std::size_t leg = begin; leg < end; ++leg) run.push_back(std::move(legs_[leg].rows));
    GRANARY_ASSIGN(const SearchPlan plan, PlanSearch(request_, run, known_, sources_));
    return RunPlan(plan, place);
  }

  Status RunPlan(const SearchPlan& plan, const RowPlace* place) {
    StoredEnd stopped;
    GRANARY_ASSIGN(const QueryStats stats,
                   SearchAsStored(plan, left_, context_, sink_, place, &stopped));
    page_.stats.Add(stats);
    more_ = stopped.more;
    if (!stopped.last) return Status::Ok();
    StoredPosition next;
    next.source = RankOf(plan.rows[stopped.last->source].snapshot().id);
    next.segment = stopped.last->segment;
    next.sequence = stopped.last->sequence;
    page_.next = next;
    return Status::Ok();
  }

  Status RunBySequence(Leg& leg) {
    SearchRequest request = request_;
    request.order_by = {{std::string(kSequenceColumnName), Direction::kAscending, "/cursor"}};
    Sources run;
    run.push_back(std::move(leg.rows));
    GRANARY_ASSIGN(const SearchPlan plan, PlanSearch(request, run, known_, sources_));
    std::optional<OrderedPosition> next;
    GRANARY_ASSIGN(const QueryStats stats,
                   SearchOrdered(plan, left_, context_, sink_, nullptr, &next));
    page_.stats.Add(stats);
    more_ = next.has_value();
    if (left_ == 0 && next) page_.next = StoredPosition{leg.source, std::nullopt, next->sequence};
    // Full to the last row: whatever follows is in the next source, from its beginning.
    if (left_ == 0 && !next)
      page_.next = StoredPosition{leg.source, std::nullopt, run.front().visible_sequence};
    return Status::Ok();
  }

  std::uint32_t RankOf(const SourceId& id) const {
    const auto at = std::find_if(by_rank_.begin(), by_rank_.end(),
                                 [&](const auto* source) { return source->id == id; });
    return static_cast<std::uint32_t>(at - by_rank_.begin());
  }

  const SearchRequest& request_;
  const SearchPlan& whole_;
  const Sources& sources_;
  const Sources& known_;
  const QueryContext& context_;
  std::optional<std::uint64_t> left_;
  SearchSink sink_;
  std::vector<const storage::SourceSnapshot*> by_rank_;
  std::vector<Leg> legs_;
  bool more_ = false;  ///< The last run had more rows, or may have had.
  SearchPage page_;
};

Result<SearchPage> RunOrderedPage(const SearchRequest& request, const SearchPlan& plan,
                                  const OrderedPosition* after, const QueryContext& context,
                                  const SearchSink& sink) {
  if (after != nullptr && after->keys.size() != plan.order.size()) return Foreign();
  SearchPage page;
  std::optional<OrderedPosition> next;
  GRANARY_ASSIGN(page.stats, SearchOrdered(plan, request.limit, context, sink, after, &next));
  if (next) page.next = std::move(*next);
  return page;
}

}  // namespace

Result<SearchPage> RunPage(const SearchRequest& asked, const Sources& sources,
                           const std::optional<SearchPosition>& after, const QueryContext& context,
                           const SearchSink& given, const ShapeSink& begin, const Sources* all) {
  GRANARY_ASSIGN(const auto compiled, WithPatterns<SearchRequest>::Make(asked, context));
  const SearchRequest& request = compiled.get();
  if (!after && !begin && all == nullptr && sources.size() == 1) {
    GRANARY_ASSIGN(auto page, PointGet(request, sources.front(), context, given));
    if (page) return std::move(*page);
  }
  const Sources& known = all == nullptr ? sources : *all;
  GRANARY_ASSIGN(const SearchPlan plan, PlanSearch(request, sources, known, sources));
  GRANARY_TRY(CheckRewound(request, sources));
  const SearchSink sink = AsShownThen(sources, given);
  const bool ordered = !request.order_by.empty();
  if (after && std::holds_alternative<OrderedPosition>(*after) != ordered) return Foreign();
  if (begin) {
    AnswerShape shape = ShapeOf(request, sources);
    shape.key_shape = KeyShapeOf(plan);
    GRANARY_TRY(begin(shape));
  }
  if (request.limit == 0) return SearchPage{};
  if (ordered) {
    return RunOrderedPage(request, plan, after ? &std::get<OrderedPosition>(*after) : nullptr,
                          context, sink);
  }
  return StoredPager(request, plan, sources, known, context, sink)
      .Run(after ? &std::get<StoredPosition>(*after) : nullptr);
}

}  // namespace granary::query
