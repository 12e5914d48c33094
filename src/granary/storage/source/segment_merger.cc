#include "granary/storage/source/segment_merger.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "granary/storage/source/row_sorter.h"

namespace granary::storage {
namespace {

using BatchPtr = RowSorter::BatchPtr;
using SegmentPtr = std::shared_ptr<const Segment>;

/// The rows of a row group that begins at row `begin` of its file, without those in `deleted`.
Result<BatchPtr> WithoutDeleted(BatchPtr batch, std::uint64_t begin, const RowSet& deleted) {
  const std::uint64_t end = begin + static_cast<std::uint64_t>(batch->num_rows());
  std::vector<std::int32_t> gone;
  deleted.AppendIn(begin, end, gone);
  if (gone.empty()) return batch;
  arrow::BooleanBuilder stays;
  arrow::Status built = stays.Reserve(batch->num_rows());
  std::size_t next = 0;
  for (std::int64_t row = 0; row < batch->num_rows() && built.ok(); ++row) {
    const bool is_gone = next < gone.size() && gone[next] == row;
    if (is_gone) ++next;
    stays.UnsafeAppend(!is_gone);
  }
  std::shared_ptr<arrow::Array> mask;
  if (built.ok()) built = stays.Finish(&mask);
  if (!built.ok()) return Status::Internal(built.ToString());
  auto left = arrow::compute::Filter(batch, mask);
  if (!left.ok()) return Status::Internal(left.status().ToString());
  return left->record_batch();
}

constexpr std::int64_t kRowGroupRowsLeast = 1024;  ///< Fewer are not worth a row group.

/// What must be the same before and after.
struct RowSum {
  std::uint64_t rows = 0;
  std::uint64_t sequences = 0;

  void Add(const arrow::RecordBatch& batch) {
    const auto& column =
        static_cast<const arrow::Int64Array&>(*batch.column(batch.num_columns() - 1));
    for (std::int64_t i = 0; i < column.length(); ++i)
      sequences += static_cast<std::uint64_t>(column.Value(i));
    rows += static_cast<std::uint64_t>(column.length());
  }
  bool operator==(const RowSum&) const = default;
};

class SegmentMerger {
 public:
  SegmentMerger(const MergeDeps& deps, MergeOptions options, std::optional<SegmentId>& damaged)
      : deps_(deps),
        options_(std::move(options)),
        damaged_(damaged),
        row_group_rows_max_(options_.files.writer.row_group_rows),
        sorter_(SorterOptions(options_), deps.spill),
        writer_(deps.files, deps.failpoints, options_.files, deps_.next_id) {
    for (const Column& column : options_.files.schema->columns()) columns_.push_back(column.id);
    columns_.push_back(kSequenceColumnId);
  }

  Status Run(std::vector<SegmentPtr> inputs) {
    std::sort(inputs.begin(), inputs.end(), [](const SegmentPtr& a, const SegmentPtr& b) {
      return a->meta().min_sequence < b->meta().min_sequence;
    });
    writer_.Begin(inputs.front()->meta().partition);
    // Where rows go by sequence, inputs that do not overlap need not be sorted together, which is
    // nearly all of them.
    const bool by_sequence = options_.files.sort_columns.empty();
    std::uint64_t reached = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const SegmentMeta& meta = inputs[i]->meta();
      const bool begins_apart = by_sequence && meta.min_sequence > reached;
      reached = std::max(reached, meta.max_sequence);
      const bool ends_apart =
          i + 1 == inputs.size() || inputs[i + 1]->meta().min_sequence > reached;
      if (begins_apart) GRANARY_TRY(DrainSome());
      GRANARY_TRY(Read(*inputs[i], begins_apart && ends_apart));
    }
    GRANARY_TRY(Drain());
    GRANARY_TRY(writer_.FinishFile());
    if (read_ == written_) return Status::Ok();
    return Status::Internal(
        fmt::format("{} rows were read and {} written, or others: nothing is replaced", read_.rows,
                    written_.rows));
  }

  std::vector<SegmentMeta>& segments() { return writer_.segments(); }

 private:
  static RowSorterOptions SorterOptions(const MergeOptions& options) {
    RowSorterOptions out{.keys = {}, .run_bytes = options.run_bytes};
    for (const ColumnId id : options.files.sort_columns)
      out.keys.push_back(static_cast<int>(options.files.schema->IndexOfId(id)));
    return out;
  }

  Status Read(const Segment& input, bool apart) {
    const Status read = ReadRowGroups(input, apart);
    if (read.code() == Code::kCorruption) damaged_ = input.meta().id;
    return read;
  }

  Status ReadRowGroups(const Segment& input, bool apart) {
    GRANARY_TRY(deps_.go_on());
    // A file of which nothing is left need not be there to go.
    if (input.deletions() != nullptr && input.deletions()->rows()->count() == input.meta().rows)
      return Status::Ok();
    GRANARY_ASSIGN(const auto reader, input.Reader());
    const SegmentMeta& meta = input.meta();
    apart = apart && RowGroupsAscend(*reader);
    const RowSetPtr deleted = input.deletions() ? input.deletions()->rows() : nullptr;
    std::uint64_t rows = 0, told = 0;
    for (int group = 0; group < reader->row_groups(); ++group) {
      const std::uint64_t begin = rows;
      rows += static_cast<std::uint64_t>(reader->rows(group));
      if (deleted != nullptr && deleted->CountIn(begin, rows) == rows - begin) continue;
      GRANARY_ASSIGN(BatchPtr batch,
                     reader->Read(group, columns_, *options_.files.schema, nullptr, deps_.go_on));
      if (rows - begin != static_cast<std::uint64_t>(batch->num_rows()))
        return Status::Corruption("a row group with another number of rows");
      if (deleted != nullptr) {
        GRANARY_ASSIGN(batch, WithoutDeleted(batch, begin, *deleted));
      }
      read_.Add(*batch);
      FitRowGroups(*batch);
      GRANARY_TRY(AddInPieces(batch, apart && IsAscending(*batch)));
      const std::uint64_t now =
          meta.rows == 0 ? 0 : meta.bytes * std::min(rows, meta.rows) / meta.rows;
      if (deps_.progress) deps_.progress(now - std::exchange(told, now));
    }
    if (rows == meta.rows) return Status::Ok();
    return Status::Corruption(fmt::format("{}: {} rows, the manifest says {}",
                                          io::JoinPath(input.directory(), meta.path), rows,
                                          meta.rows));
  }

  // A file that was written while there were sort columns is in another order.
  static bool RowGroupsAscend(const SegmentReader& reader) {
    std::optional<std::int64_t> reached;
    for (int group = 0; group < reader.row_groups(); ++group) {
      const ColumnStats stats = reader.RowGroupStats(group, kSequenceColumnId, TypeKind::kInt64);
      const auto* low = std::get_if<std::int64_t>(&stats.min);
      const auto* high = std::get_if<std::int64_t>(&stats.max);
      if (low == nullptr || high == nullptr || (reached && *low <= *reached)) return false;
      reached = *high;
    }
    return true;
  }
  static bool IsAscending(const arrow::RecordBatch& batch) {
    const auto& column =
        static_cast<const arrow::Int64Array&>(*batch.column(batch.num_columns() - 1));
    return std::is_sorted(column.raw_values(), column.raw_values() + column.length());
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
  void FitRowGroups(const arrow::RecordBatch& batch) {
    if (batch.num_rows() == 0) return;
    row_bytes_ = std::max<std::uint64_t>(
        row_bytes_, static_cast<std::uint64_t>(arrow::util::TotalBufferSize(batch)) /
                        static_cast<std::uint64_t>(batch.num_rows()));
    const auto fit = static_cast<std::int64_t>(options_.row_group_bytes /
                                               std::max<std::uint64_t>(row_bytes_, 1));
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
  std::optional<SegmentId>& damaged_;
  const std::int64_t row_group_rows_max_;
  std::uint64_t row_bytes_ = 0;
  std::vector<ColumnId> columns_;
  RowSorter sorter_;
  PartitionWriter writer_;
  RowSum read_, written_;
};

}  // namespace

Result<std::vector<SegmentMeta>> MergeSegments(const MergeDeps& deps, MergeOptions options,
                                               std::vector<std::shared_ptr<const Segment>> inputs,
                                               std::optional<SegmentId>& damaged) {
  const std::string folder = options.files.folder;
  SegmentMerger merger(deps, std::move(options), damaged);
  if (Status s = merger.Run(std::move(inputs)); !s.ok()) {
    DiscardSegments(deps.files, folder, merger.segments());
    return s;
  }
  return std::move(merger.segments());
}

}  // namespace granary::storage
