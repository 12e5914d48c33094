#include "granary/storage/source/segment_merger.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "granary/storage/source/merge_input.h"
#include "granary/storage/source/row_sorter.h"

namespace granary::storage {
namespace {

using BatchPtr = RowSorter::BatchPtr;
using SegmentPtr = std::shared_ptr<const Segment>;

constexpr std::int64_t kRowGroupRowsLeast = 1024;  ///< Fewer are not worth a row group.

class SegmentMerger {
 public:
  SegmentMerger(const MergeDeps& deps, MergeOptions options, std::vector<SegmentPtr> inputs,
                std::optional<SegmentId>& damaged)
      : deps_(deps),
        options_(std::move(options)),
        row_group_rows_max_(options_.files.writer.row_group_rows),
        input_(deps, *options_.files.schema, std::move(inputs), damaged),
        sorter_(SorterOptions(options_), deps.spill),
        writer_(deps.files, deps.failpoints, options_.files, deps_.next_id) {}

  Status Run() {
    writer_.Begin(input_.first()->meta().partition);
    GRANARY_ASSIGN(MergeInput::Piece piece, input_.Next());
    while (piece.rows != nullptr) {
      FitRowGroups();
      MergeInput::Piece next;
      GRANARY_TRY(AddAndRead(piece, next));
      piece = std::move(next);
    }
    GRANARY_TRY(Drain());
    GRANARY_TRY(writer_.FinishFile());
    if (input_.sum() == written_) return Status::Ok();
    return Status::Internal(
        fmt::format("{} rows were read and {} written, or others: nothing is replaced",
                    input_.sum().rows, written_.rows));
  }

  std::vector<SegmentMeta>& segments() { return writer_.segments(); }

 private:
  static RowSorterOptions SorterOptions(const MergeOptions& options) {
    RowSorterOptions out{.keys = {}, .run_bytes = options.run_bytes};
    for (const ColumnId id : options.files.sort_columns)
      out.keys.push_back(static_cast<int>(options.files.schema->IndexOfId(id)));
    return out;
  }

  // The next row group is read while this one is written, where there is somebody to do so and
  // memory for both.
  Status AddAndRead(const MergeInput::Piece& piece, MergeInput::Piece& next) {
    const auto read = [&]() -> Status {
      GRANARY_ASSIGN(next, input_.Next());
      return Status::Ok();
    };
    runtime::WorkerPool* const pool = options_.files.pool;
    if (pool == nullptr || input_.next_bytes() > options_.ahead_bytes) {
      GRANARY_TRY(Add(piece));
      return read();
    }
    return pool->ParallelFor(2, 2, [&](std::size_t i) { return i == 0 ? Add(piece) : read(); });
  }

  // Where rows go by sequence, inputs that do not overlap need not be sorted together, which is
  // nearly all of them.
  Status Add(const MergeInput::Piece& piece) {
    const bool by_sequence = options_.files.sort_columns.empty();
    if (by_sequence && piece.begins_apart) GRANARY_TRY(DrainSome());
    return AddInPieces(piece.rows, by_sequence && piece.ordered);
  }

  // A run takes its pieces, not a whole row group, which may be longer than a run. Nothing that
  // comes belongs before an `ordered` one.
  Status AddInPieces(const BatchPtr& batch, bool ordered) {
    const auto bytes = static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*batch));
    const std::uint64_t pieces = bytes / std::max<std::uint64_t>(options_.run_bytes / 4, 1) + 1;
    const std::int64_t rows =
        std::max<std::int64_t>(batch->num_rows() / static_cast<std::int64_t>(pieces), 1);
    for (std::int64_t begin = 0; begin < batch->num_rows(); begin += rows) {
      GRANARY_TRY(deps_.go_on());
      GRANARY_TRY(sorter_.Add(batch->Slice(begin, rows)));
      if (ordered) GRANARY_TRY(DrainSome());
    }
    return Status::Ok();
  }

  // By the widest rows so far.
  void FitRowGroups() {
    const auto fit = static_cast<std::int64_t>(options_.row_group_bytes /
                                               std::max<std::uint64_t>(input_.row_bytes(), 1));
    options_.files.writer.row_group_rows =
        std::min(row_group_rows_max_, std::max(fit, kRowGroupRowsLeast));
  }

  // Not for every little file: they would make pieces of a row each.
  Status DrainSome() {
    return sorter_.held_bytes() < options_.run_bytes / 2 ? Status::Ok() : Drain();
  }
  Status Drain() {
    return sorter_.Finish([this](const BatchPtr& batch) -> Status {
      GRANARY_TRY(deps_.go_on());
      written_.Add(*batch);
      const int last = batch->num_columns() - 1;
      GRANARY_ASSIGN(const BatchPtr rows, WithoutSequences(batch, last));
      return writer_.Append(*rows, static_cast<const arrow::Int64Array&>(*batch->column(last)));
    });
  }
  static Result<BatchPtr> WithoutSequences(const BatchPtr& batch, int last) {
    auto rows = batch->RemoveColumn(last);
    if (!rows.ok()) return Status::Internal(rows.status().ToString());
    return rows.MoveValueUnsafe();
  }

  const MergeDeps& deps_;
  MergeOptions options_;
  const std::int64_t row_group_rows_max_;
  MergeInput input_;
  RowSorter sorter_;
  PartitionWriter writer_;
  RowSum written_;
};

}  // namespace

Result<std::vector<SegmentMeta>> MergeSegments(const MergeDeps& deps, MergeOptions options,
                                               std::vector<std::shared_ptr<const Segment>> inputs,
                                               std::optional<SegmentId>& damaged) {
  const std::string folder = options.files.folder;
  SegmentMerger merger(deps, std::move(options), std::move(inputs), damaged);
  if (Status s = merger.Run(); !s.ok()) {
    DiscardSegments(deps.files, folder, merger.segments());
    return s;
  }
  return std::move(merger.segments());
}

}  // namespace granary::storage
