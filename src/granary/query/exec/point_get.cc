#include "granary/query/exec/point_get.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "granary/query/exec/hot_probe.h"
#include "granary/query/exec/index_probe.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/predicate_leaf.h"
#include "granary/query/exec/result_rows.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/query/exec/take_rows.h"
#include "granary/types/unnamed_batch.h"

namespace granary::query {
namespace {

using storage::HotChunk;
using storage::IndexKind;
using storage::Segment;

/// Hash values of keys that are not equal may be, so a few rows more may be named.
constexpr std::size_t kHotRowsMax = 4 * kPointRowsMax;

/// What the request is about, bound to the source.
struct Point {
  Predicate predicate;
  IndexQuestion question;
  std::vector<Column> shown;
  std::vector<ColumnId> read;          ///< The key's column, then those that are shown besides.
  std::vector<std::size_t> positions;  ///< Of `shown` in `read`.
};

bool MayBePoint(const SearchRequest& request, const storage::SourceSnapshot& source,
                const QueryContext& context) {
  if (!request.filter || request.filter->kind != Filter::Kind::kCompare) return false;
  if (request.filter->op != Operator::kEq && request.filter->op != Operator::kIn) return false;
  if (!request.order_by.empty() || context.wants_keys) return false;
  if (!request.limit || *request.limit == 0 || *request.limit > kPointRowsMax) return false;
  if (WantsAll(context.record)) return false;
  const OptimizerOptions* optimizer = context.optimizer;
  if (optimizer != nullptr && (!optimizer->enabled || optimizer->forced)) return false;
  // Of another moment: some rows of its segments are not in it.
  return source.shown == nullptr && source.lost.empty() && source.after_sequence == 0 &&
         std::ranges::all_of(source.segments, [&](const auto& segment) {
           return segment->meta().max_sequence <= source.flushed_sequence;
         });
}

/// A comparison that an index answers.
std::optional<IndexQuestion> QuestionOf(const Predicate& predicate,
                                        const storage::SourceSnapshot& source) {
  const bool is_equality =
      predicate.kind == Predicate::Kind::kEqual || predicate.kind == Predicate::Kind::kIn;
  if (!is_equality || !predicate.path.empty() || predicate.column == kSequenceColumnId ||
      predicate.type.kind() == TypeKind::kJson || predicate.type.kind() == TypeKind::kList ||
      predicate.values.empty() || predicate.values.size() > kPointKeysMax)
    return std::nullopt;
  const bool is_declared = std::ranges::any_of(source.indexes, [&](const storage::IndexKey& key) {
    return key.column == predicate.column && key.kind != IndexKind::kBloom;
  });
  if (!is_declared) return std::nullopt;
  return IndexQuestion{
      .column = predicate.column, .type = predicate.type, .values = predicate.values};
}

bool Show(const std::vector<std::string>& names, const Schema& schema, Point& point) {
  const auto show = [&point](Column column) {
    auto at = std::ranges::find(point.read, column.id);
    if (at == point.read.end()) at = point.read.insert(at, column.id);
    point.positions.push_back(static_cast<std::size_t>(at - point.read.begin()));
    point.shown.push_back(std::move(column));
  };
  if (names.empty()) std::ranges::for_each(schema.columns(), show);
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (std::find(names.begin(), name, *name) != name) continue;
    const auto ref = ResolveColumn(schema, *name);
    if (!ref || !ref->path.empty()) return false;
    show({ref->id, *name, ref->type});
  }
  return true;
}

std::optional<Point> PointOf(const SearchRequest& request, const storage::SourceSnapshot& source,
                             const QueryContext& context) {
  if (!MayBePoint(request, source, context)) return std::nullopt;
  auto predicate = BindFilter(*request.filter, *source.schema);
  if (!predicate.ok() || !*predicate) return std::nullopt;
  auto question = QuestionOf(**predicate, source);
  if (!question) return std::nullopt;
  Point point{std::move(**predicate), std::move(*question)};
  point.read.push_back(point.question.column);
  if (!Show(request.columns, *source.schema, point)) return std::nullopt;
  return point;
}

std::uint64_t BytesOf(const arrow::ArrayData& data) {
  std::uint64_t bytes = 0;
  for (const auto& buffer : data.buffers)
    bytes += buffer == nullptr ? 0 : static_cast<std::uint64_t>(buffer->size());
  for (const auto& child : data.child_data) bytes += BytesOf(*child);
  return bytes;
}

/// Rows that match, of one row group or hot chunk.
struct Part {
  ResultBatch rows;
  RowNumbers numbers;  ///< In there, one a row.
  const Segment* segment = nullptr;
  int row_group = 0;
  const HotChunk* chunk = nullptr;
};

class Getter {
 public:
  /// All of them outlive it.
  Getter(const Point& point, const storage::SourceSnapshot& source, std::uint64_t limit,
         const QueryContext& context)
      : point_(point),
        source_(source),
        limit_(limit),
        context_(context),
        memory_(context.memory),
        stats_view_(StatsView::OfSegments(*source.schema)) {}

  /// False where a plan is needed.
  Result<bool> Find() {
    GRANARY_ASSIGN(PredicateLeaf leaf, PredicateLeaf::Make(point_.predicate, Polarity::kPlain));
    leaf_.emplace(std::move(leaf));
    page_.stats.segments_total = source_.segments.size();
    for (const auto& segment : source_.segments) {
      if (found_ > limit_) return true;
      GRANARY_TRY(context_.cancel.Check());
      GRANARY_ASSIGN(const bool told, LookInto(*segment));
      if (!told) return false;
    }
    for (const HotChunk& chunk : source_.hot) {
      if (found_ > limit_) return true;
      GRANARY_TRY(context_.cancel.Check());
      GRANARY_ASSIGN(const bool told, LookInto(chunk));
      if (!told) return false;
    }
    return true;
  }

  Result<SearchPage> Emit(const SearchSink& sink) {
    std::uint64_t left = limit_;
    for (Part& part : parts_) {
      ResultBatch& rows = part.rows;
      const auto count = static_cast<std::uint64_t>(rows.batch->num_rows());
      if (count > left) rows.batch = rows.batch->Slice(0, static_cast<std::int64_t>(left));
      left -= std::min(count, left);
      GRANARY_TRY(EmitSlices(rows, context_.batch_rows, sink));
      if (left > 0) continue;
      if (found_ > limit_)
        page_.next = PositionOf(part, static_cast<std::size_t>(rows.batch->num_rows()) - 1);
      break;
    }
    return std::move(page_);
  }

 private:
  Result<bool> LookInto(const Segment& segment) {
    stats_view_.Look(segment);
    if (stats_view_.OutcomesOf(point_.predicate).NoneMatch()) {
      ++page_.stats.segments_pruned;
      return true;
    }
    auto keys = ProbeKeys(point_.question, segment, RowsWanted(), page_.stats);
    if (!keys) return false;
    if (const auto deleted = segment.DeletedAt(source_.visible_sequence)) {
      std::erase_if(keys->rows, [&](std::int32_t row) {
        return deleted->Contains(static_cast<std::uint32_t>(row));
      });
    }
    if (keys->rows.empty()) {
      ++page_.stats.segments_pruned;
      return keys->all;
    }
    if (keys->rows.size() > RowsWanted()) {
      keys->rows.resize(RowsWanted());
      keys->all = false;
    }
    GRANARY_ASSIGN(const bool taken, TakeOf(segment, keys->rows));
    // Of those that were left out some may belong to the page.
    return taken && (keys->all || found_ > limit_);
  }

  Result<bool> TakeOf(const Segment& segment, const RowNumbers& rows) {
    GRANARY_ASSIGN(const auto reader, segment.Reader());
    auto next = rows.begin();
    std::int64_t begin = 0;  // Of the row group, in the segment.
    for (int group = 0; group < reader->row_groups() && next != rows.end() && found_ <= limit_;
         begin += reader->rows(group++)) {
      Part part{.segment = &segment, .row_group = group};
      for (; next != rows.end() && *next < begin + reader->rows(group); ++next)
        part.numbers.push_back(static_cast<std::int32_t>(*next - begin));
      if (part.numbers.empty()) continue;
      const arrow::ArrayVector columns = segment.ReadCached(group, point_.read, *source_.schema);
      if (columns.empty()) return false;
      page_.stats.access_paths.insert("column_cache");
      GRANARY_ASSIGN(const bool taken, Take(columns, std::move(part)));
      if (!taken) return false;
    }
    return true;
  }

  Result<bool> LookInto(const HotChunk& chunk) {
    if (chunk.schema != source_.schema && !(*chunk.schema == *source_.schema)) return false;
    auto found = FindByHash(point_.question, chunk, kHotRowsMax);
    if (!found) return false;
    Part part{.numbers = std::move(*found), .chunk = &chunk};
    page_.stats.access_paths.insert("hash_index");
    if (chunk.ends != nullptr && chunk.ends->any()) {
      std::erase_if(part.numbers, [&](std::int32_t row) {
        const std::uint64_t end = chunk.ends->EndOf(chunk.ends_first + row);
        return end != 0 && end <= source_.visible_sequence;
      });
    }
    if (part.numbers.empty()) return true;
    arrow::ArrayVector columns;
    for (const ColumnId id : point_.read) {
      columns.push_back(id == kSequenceColumnId
                            ? std::static_pointer_cast<arrow::Array>(chunk.sequences)
                            : chunk.batch->column(chunk.schema->IndexOfId(id)));
    }
    page_.stats.access_paths.insert("hot");
    return Take(columns, std::move(part));
  }

  /// Those of the part's rows that match; false when there is no room for them.
  Result<bool> Take(const arrow::ArrayVector& columns, Part part) {
    GRANARY_ASSIGN(const auto keys, TakeRows(columns.front(), part.numbers));
    std::vector<std::uint8_t> matches(part.numbers.size());
    GRANARY_TRY(leaf_->Evaluate(*keys, 0, keys->length(), nullptr, matches.data()));
    page_.stats.rows_scanned += part.numbers.size();
    context_.Scanned(static_cast<std::int64_t>(part.numbers.size()));
    std::size_t kept = 0;
    for (std::size_t i = 0; i < matches.size() && kept < RowsWanted(); ++i) {
      if (matches[i] != 0) part.numbers[kept++] = part.numbers[i];
    }
    const bool keys_are_right = kept == part.numbers.size();
    part.numbers.resize(kept);
    if (kept == 0) return true;

    part.rows.source = source_.id;
    part.rows.columns = point_.shown;
    arrow::ArrayVector arrays;
    for (std::size_t i = 0; i < point_.shown.size(); ++i) {
      std::shared_ptr<arrow::Array> array = keys;
      if (point_.positions[i] > 0 || !keys_are_right) {
        GRANARY_ASSIGN(array, TakeRows(columns[point_.positions[i]], part.numbers));
      }
      bytes_ += BytesOf(*array->data());
      arrays.push_back(std::move(array));
    }
    if (memory_.GrowTo(bytes_) != nullptr) return false;
    part.rows.batch = UnnamedBatch(static_cast<std::int64_t>(kept), std::move(arrays));
    found_ += kept;
    parts_.push_back(std::move(part));
    return true;
  }

  StoredPosition PositionOf(const Part& part, std::size_t row) const {
    const std::int32_t number = part.numbers[row];
    if (part.chunk != nullptr)
      return {0, std::nullopt, static_cast<std::uint64_t>(part.chunk->sequences->Value(number))};
    const storage::SegmentMeta& meta = part.segment->meta();
    return {0, RowPlace{meta.min_sequence, meta.id, part.row_group, number}, 0};
  }

  /// One more than the page has room for tells that there is another.
  std::uint64_t RowsWanted() const { return limit_ + 1 - found_; }

  const Point& point_;
  const storage::SourceSnapshot& source_;
  const std::uint64_t limit_;
  const QueryContext& context_;
  runtime::MemoryReservation memory_;
  std::uint64_t bytes_ = 0;
  StatsView stats_view_;
  std::optional<PredicateLeaf> leaf_;
  std::vector<Part> parts_;
  std::uint64_t found_ = 0;
  SearchPage page_;
};

}  // namespace

Result<std::optional<SearchPage>> PointGet(const SearchRequest& request,
                                           const storage::SourceSnapshot& source,
                                           const QueryContext& context, const SearchSink& sink) {
  const auto point = PointOf(request, source, context);
  if (!point) return std::optional<SearchPage>();
  Getter getter(*point, source, *request.limit, context);
  GRANARY_ASSIGN(const bool found, getter.Find());
  if (!found) return std::optional<SearchPage>();
  GRANARY_ASSIGN(SearchPage page, getter.Emit(sink));
  return std::optional(std::move(page));
}

}  // namespace granary::query
