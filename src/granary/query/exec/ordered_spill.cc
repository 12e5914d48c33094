#include "granary/query/exec/ordered_spill.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <numeric>
#include <utility>

#include "granary/query/exec/result_rows.h"
#include "granary/query/exec/row_run.h"

namespace granary::query {
namespace {

constexpr std::size_t kRunsMax = 32;          ///< That are merged side by side.
constexpr std::uint64_t kPagesOfShare = 128;  ///< So many fit the share.
constexpr std::uint64_t kPageBytesMin = 2u << 10;
constexpr std::uint64_t kPageBytesMax = 1u << 20;

/// A run, and whose rows it has.
struct SourceRun {
  RowRun run;
  std::size_t source = 0;
};

/// Rows in the order of the answer, as pieces of pages.
class Window {
 public:
  /// `piece` rows of one page follow each other.
  void Add(const RowRunReader& row) {
    SourceRows& rows = sources_[row.source()];
    Piece& piece = rows.open[&row];
    if (piece.batch != row.batch()) {
      piece = {row.batch(), row.at(), 0, rows.pieces.size()};
      rows.pieces.push_back(piece);
    }
    Piece& kept = rows.pieces[piece.number];
    rows.order.push_back({piece.number, kept.rows++});
    order_.push_back(row.source());
  }

  std::size_t rows() const { return order_.size(); }
  const std::vector<std::size_t>& sources() const { return order_; }

  /// All rows of one source, in order.
  Result<std::shared_ptr<arrow::RecordBatch>> Take(std::size_t source, ResultBatch result,
                                                   const runtime::CancelToken& cancel) {
    SourceRows& rows = sources_[source];
    std::vector<ResultBatch> parts;
    std::vector<std::int64_t> begin;
    std::int64_t total = 0;
    for (const Piece& piece : rows.pieces) {
      begin.push_back(total);
      total += piece.rows;
      result.batch = piece.batch->Slice(piece.first, piece.rows);
      parts.push_back(result);
    }
    std::vector<std::int64_t> order;
    order.reserve(rows.order.size());
    for (const auto& [piece, row] : rows.order) order.push_back(begin[piece] + row);
    GRANARY_ASSIGN(const auto ordered, ReorderedRows::Make(parts, std::move(order), cancel));
    GRANARY_ASSIGN(const ResultBatch all, ordered.Slice(0, total));
    return all.batch;
  }

  void Clear() {
    sources_.clear();
    order_.clear();
  }

 private:
  struct Piece {
    std::shared_ptr<arrow::RecordBatch> batch;
    std::int64_t first = 0;
    std::int64_t rows = 0;
    std::size_t number = 0;  ///< Among the source's.
  };
  struct SourceRows {
    std::vector<Piece> pieces;
    std::map<const RowRunReader*, Piece> open;                ///< The last piece of each reader.
    std::vector<std::pair<std::size_t, std::int64_t>> order;  ///< Piece, row in it.
  };
  std::map<std::size_t, SourceRows> sources_;
  std::vector<std::size_t> order_;  ///< The source of each row.
};

class Sorter {
 public:
  Sorter(const SearchPlan& plan, const std::vector<RankedMorsel>& morsels,
         const std::optional<Shown>& shown, const QueryContext& context, runtime::SpillFile& file)
      : plan_(plan), morsels_(morsels), shown_(shown), context_(context), file_(file) {
    const std::uint64_t share = context.memory->reach();
    page_bytes_ = std::clamp(share / kPagesOfShare, kPageBytesMin, kPageBytesMax);
    LearnShapes();
  }

  /// A run a morsel, of its best `wanted` rows.
  Status WriteRuns(std::optional<std::uint64_t> wanted, QueryStats& stats) {
    SharedCeiling ceiling;
    const std::size_t workers =
        std::min(std::max<std::size_t>(context_.parallelism, 1), morsels_.size());
    std::vector<QueryStats> of_worker(workers);
    std::vector<RowRun> runs(morsels_.size());
    std::atomic<std::size_t> next{0};
    GRANARY_TRY(context_.pool.ParallelFor(workers, workers, [&](std::size_t worker) -> Status {
      MorselKeys keys(plan_, shown_);
      for (std::size_t i = next++; i < morsels_.size(); i = next++)
        GRANARY_TRY(WriteRun(i, wanted, ceiling, keys, of_worker[worker], runs[i]));
      of_worker[worker].Add(keys.stats());
      return Status::Ok();
    }));
    for (const QueryStats& part : of_worker) stats.Add(part);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (!runs[i].pages.empty()) runs_.push_back({std::move(runs[i]), morsels_[i].morsel.source});
    }
    return Status::Ok();
  }

  /// Merges runs of the same source until few are left, or one of each.
  Status MergeDown(std::optional<std::uint64_t> wanted) {
    std::stable_sort(runs_.begin(), runs_.end(),
                     [](const SourceRun& a, const SourceRun& b) { return a.source < b.source; });
    while (runs_.size() > kRunsMax) {
      std::vector<SourceRun> fewer;
      for (std::size_t first = 0; first < runs_.size();) {
        std::size_t end = first + 1;
        while (end < runs_.size() && end - first < kRunsMax &&
               runs_[end].source == runs_[first].source)
          ++end;
        if (end == first + 1) {
          fewer.push_back(std::move(runs_[first]));
        } else {
          GRANARY_ASSIGN(RowRun merged, MergeIntoOne(first, end, wanted));
          fewer.push_back({std::move(merged), runs_[first].source});
        }
        first = end;
      }
      const bool is_least = fewer.size() == runs_.size();
      runs_ = std::move(fewer);
      if (is_least) break;
    }
    return Status::Ok();
  }

  Status Emit(std::optional<std::uint64_t> limit, const SearchSink& sink,
              std::optional<OrderedPosition>* next, QueryStats& stats) {
    std::optional<std::pair<std::uint32_t, std::int32_t>> last;
    bool more = false;
    std::vector<std::string> keys;  // Of the rows that are handed on next.
    const auto hand_on = [&](Window& window) {
      return Send(window, sink, std::exchange(keys, {}));
    };
    GRANARY_TRY(Merge(0, runs_.size(), limit, hand_on, [&](const RowRunReader& row, bool beyond) {
      if (beyond)
        more = true;
      else
        last = {row.morsel(), row.row()};
      if (!beyond && context_.wants_keys) keys.emplace_back(row.key());
    }));
    if (!more || !last || next == nullptr) return Status::Ok();
    GRANARY_ASSIGN(*next,
                   PositionOf(plan_, morsels_[last->first].morsel, last->second, context_, stats));
    return Status::Ok();
  }

 private:
  /// Of every source, what its rows look like.
  void LearnShapes() {
    for (std::size_t source = 0; source < plan_.rows.size(); ++source) {
      ResultBatch& shape = shapes_.emplace_back();
      shape.source = plan_.rows[source].snapshot().id;
      arrow::FieldVector fields;
      for (const ShownColumn& column : plan_.shown[source]) {
        fields.push_back(arrow::field(column.column.name, column.column.type.ToArrow()));
        shape.columns.push_back(column.column);
      }
      schemas_.push_back(arrow::schema(std::move(fields)));
    }
  }

  Status WriteRun(std::size_t number, std::optional<std::uint64_t> wanted, SharedCeiling& ceiling,
                  MorselKeys& keys, QueryStats& stats, RowRun& run) {
    TopRows top(wanted, ceiling);
    const Morsel& morsel = morsels_[number].morsel;
    runtime::MemoryReservation held(context_.memory);
    // A morsel is the least that can be worked on: it is counted, and others wait for it.
    GRANARY_TRY(keys.Add(morsels_[number], static_cast<std::uint32_t>(number), context_, top, [&] {
      held.ForceTo(top.bytes());
      return Status::Ok();
    }));
    if (top.size() == 0) return Status::Ok();
    std::vector<RankedRow> all = std::move(top).Take();
    GRANARY_ASSIGN(const std::vector<RankedRow> rows, BestOf(all, wanted, context_.cancel));
    all = {};
    std::vector<std::int32_t> chosen;
    chosen.reserve(rows.size());
    for (const RankedRow& row : rows) chosen.push_back(row.row);
    GRANARY_TRY(context_.cancel.Check());
    GRANARY_ASSIGN(const auto decoded, plan_.rows[morsel.source].ReadAll(morsel, context_, stats));
    // A page's worth of rows is taken at a time, so that only the decoded morsel is held.
    const auto row_bytes =
        static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*decoded.batch)) /
            static_cast<std::uint64_t>(std::max<std::int64_t>(decoded.rows, 1)) +
        rows.front().key.size() + 1;
    const auto page_rows = static_cast<std::size_t>(std::clamp<std::uint64_t>(
        page_bytes_ / row_bytes, 1, static_cast<std::uint64_t>(context_.batch_rows)));
    for (std::size_t first = 0; first < rows.size(); first += page_rows) {
      GRANARY_TRY(context_.cancel.Check());
      const std::size_t end = std::min(rows.size(), first + page_rows);
      const std::optional<std::vector<std::int32_t>> some(
          std::in_place, chosen.begin() + static_cast<std::ptrdiff_t>(first),
          chosen.begin() + static_cast<std::ptrdiff_t>(end));
      GRANARY_ASSIGN(const ResultBatch result,
                     MakeResult(plan_, morsel.source, *decoded.batch, some,
                                static_cast<std::int64_t>(end - first)));
      GRANARY_ASSIGN(const auto plain, WithoutDictionaries(result.batch));
      GRANARY_TRY(AppendPage(file_, morsel.source, *plain, rows, first, run));
    }
    return Status::Ok();
  }

  Result<RowRun> MergeIntoOne(std::size_t first, std::size_t end,
                              std::optional<std::uint64_t> wanted) {
    RowRun merged;
    std::vector<RankedRow> keys;
    const auto hand_on = [&](Window& window) -> Status {
      const std::size_t source = window.sources().front();
      GRANARY_ASSIGN(const auto batch, window.Take(source, shapes_[source], context_.cancel));
      GRANARY_TRY(AppendPage(file_, source, *batch, keys, 0, merged));
      keys.clear();
      return Status::Ok();
    };
    GRANARY_TRY(Merge(first, end, wanted, hand_on, [&](const RowRunReader& row, bool beyond) {
      if (!beyond) keys.push_back({0, std::string(row.key()), row.morsel(), row.row()});
    }));
    return merged;
  }

  /// Goes through the rows of some runs in order, up to `limit`, and is called with each, and with
  /// the one beyond. Hands on about a page of them at a time.
  template <typename HandOn, typename Seen>
  Status Merge(std::size_t first, std::size_t end, std::optional<std::uint64_t> limit,
               const HandOn& hand_on, const Seen& seen) {
    // A page of each, as it is read and as it is decoded.
    runtime::MemoryReservation held(context_.memory);
    std::uint64_t pages_bytes = 0;
    for (std::size_t i = first; i < end; ++i)
      pages_bytes += 2 * std::uint64_t{runs_[i].run.pages.front().extent.bytes};
    if (const auto* refused = held.GrowTo(pages_bytes)) return Outgrown(*refused, context_);
    std::vector<RowRunReader> readers;
    readers.reserve(end - first);
    for (std::size_t i = first; i < end; ++i) readers.emplace_back(runs_[i].run, file_, schemas_);
    std::vector<RowRunReader*> heap;
    for (RowRunReader& reader : readers) {
      GRANARY_ASSIGN(const bool more, reader.Next());
      if (more) heap.push_back(&reader);
    }
    const auto later = [](const RowRunReader* a, const RowRunReader* b) {
      return a->key() > b->key();
    };
    std::make_heap(heap.begin(), heap.end(), later);
    Window window;
    std::uint64_t left = limit.value_or(~std::uint64_t{0});
    std::uint64_t window_bytes = 0;
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), later);
      RowRunReader& row = *heap.back();
      seen(row, left == 0);
      if (left == 0) break;
      --left;
      window.Add(row);
      window_bytes += row.key().size() + BytesOfRow(row);
      const bool is_full = window_bytes >= page_bytes_ ||
                           window.rows() >= static_cast<std::size_t>(context_.batch_rows);
      if (is_full) {
        GRANARY_TRY(context_.cancel.Check());
        GRANARY_TRY(hand_on(window));
        window.Clear();
        window_bytes = 0;
      }
      GRANARY_ASSIGN(const bool more, row.Next());
      if (more)
        std::push_heap(heap.begin(), heap.end(), later);
      else
        heap.pop_back();
    }
    return window.rows() == 0 ? Status::Ok() : hand_on(window);
  }

  /// About.
  static std::uint64_t BytesOfRow(const RowRunReader& row) {
    return row.page_bytes() / static_cast<std::uint64_t>(row.batch()->num_rows());
  }

  /// Runs of rows of one source are a batch.
  Status Send(Window& window, const SearchSink& sink, std::vector<std::string> keys) const {
    std::map<std::size_t, std::pair<ResultBatch, std::int64_t>> ordered;  // And how many are sent.
    const std::vector<std::size_t>& sources = window.sources();
    for (std::size_t first = 0; first < sources.size();) {
      std::size_t end = first + 1;
      while (end < sources.size() && sources[end] == sources[first]) ++end;
      auto found = ordered.find(sources[first]);
      if (found == ordered.end()) {
        ResultBatch rows = shapes_[sources[first]];
        GRANARY_ASSIGN(rows.batch, window.Take(sources[first], rows, context_.cancel));
        found = ordered.emplace(sources[first], std::pair(std::move(rows), 0)).first;
      }
      auto& [rows, sent] = found->second;
      ResultBatch run = rows;
      run.batch = rows.batch->Slice(sent, static_cast<std::int64_t>(end - first));
      sent += run.batch->num_rows();
      for (std::size_t i = first; i < std::min(end, keys.size()); ++i)
        run.keys.push_back(std::move(keys[i]));
      GRANARY_TRY(context_.cancel.Check());
      GRANARY_TRY(sink(run));
      first = end;
    }
    return Status::Ok();
  }

  const SearchPlan& plan_;
  const std::vector<RankedMorsel>& morsels_;
  const std::optional<Shown>& shown_;
  const QueryContext& context_;
  runtime::SpillFile& file_;
  std::uint64_t page_bytes_ = 0;
  std::vector<ResultBatch> shapes_;  ///< One a source, without rows.
  std::vector<std::shared_ptr<arrow::Schema>> schemas_;
  std::vector<SourceRun> runs_;
};

}  // namespace

Status SpillOrdered(const SearchPlan& plan, const std::vector<RankedMorsel>& morsels,
                    std::optional<std::uint64_t> limit, const std::optional<Shown>& shown,
                    const QueryContext& context, const SearchSink& sink,
                    std::optional<OrderedPosition>* next, QueryStats& stats) {
  GRANARY_ASSIGN(const auto file, context.spill->NewFile());
  Sorter sorter(plan, morsels, shown, context, *file);
  // One more than wanted tells whether there are more.
  std::optional<std::uint64_t> wanted = limit;
  if (wanted && *wanted < ~std::uint64_t{0}) ++*wanted;
  GRANARY_TRY(sorter.WriteRuns(wanted, stats));
  GRANARY_TRY(sorter.MergeDown(wanted));
  stats.spilled_bytes += file->bytes();
  return sorter.Emit(limit, sink, next, stats);
}

}  // namespace granary::query
