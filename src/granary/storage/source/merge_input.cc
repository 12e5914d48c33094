#include "granary/storage/source/merge_input.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

namespace granary::storage {
namespace {

using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

const arrow::Int64Array& SequencesOf(const arrow::RecordBatch& batch) {
  return static_cast<const arrow::Int64Array&>(*batch.column(batch.num_columns() - 1));
}

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

// A file that was written while there were sort columns is in another order.
bool RowGroupsRise(const SegmentReader& reader) {
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

bool IsGone(const Segment& input) {
  return input.deletions() != nullptr && input.deletions()->rows()->count() == input.meta().rows;
}

}  // namespace

void RowSum::Add(const arrow::RecordBatch& batch) {
  const arrow::Int64Array& column = SequencesOf(batch);
  for (std::int64_t i = 0; i < column.length(); ++i)
    sequences += static_cast<std::uint64_t>(column.Value(i));
  rows += static_cast<std::uint64_t>(column.length());
}

bool SequencesRise(const arrow::RecordBatch& batch) {
  const arrow::Int64Array& column = SequencesOf(batch);
  return std::is_sorted(column.raw_values(), column.raw_values() + column.length());
}

MergeInput::MergeInput(const MergeDeps& deps, const Schema& schema, std::vector<SegmentPtr> inputs,
                       std::optional<SegmentId>& damaged)
    : deps_(deps), schema_(schema), inputs_(std::move(inputs)), damaged_(damaged) {
  std::ranges::sort(inputs_, {},
                    [](const SegmentPtr& input) { return input->meta().min_sequence; });
  for (const Column& column : schema_.columns()) columns_.push_back(column.id);
  columns_.push_back(kSequenceColumnId);
}

Result<MergeInput::Piece> MergeInput::Next() {
  Result<Piece> piece = NextPiece();
  if (piece.status().code() == Code::kCorruption) damaged_ = inputs_[at_]->meta().id;
  return piece;
}

Result<MergeInput::Piece> MergeInput::NextPiece() {
  while (at_ < inputs_.size()) {
    if (reader_ == nullptr) GRANARY_TRY(Open());
    while (reader_ != nullptr && group_ < reader_->row_groups()) {
      GRANARY_ASSIGN(BatchPtr rows, ReadGroup());
      if (rows == nullptr) continue;
      return Piece{.rows = rows,
                   .begins_apart = std::exchange(is_first_, false) && begins_apart_,
                   .ordered = apart_ && SequencesRise(*rows)};
    }
    GRANARY_TRY(Close());
  }
  return Piece{};
}

// No reader where nothing of the file is left: then it need not be there to go.
Status MergeInput::Open() {
  GRANARY_TRY(deps_.go_on());
  const SegmentMeta& meta = inputs_[at_]->meta();
  begins_apart_ = meta.min_sequence > reached_;
  reached_ = std::max(reached_, meta.max_sequence);
  const bool ends_apart =
      at_ + 1 == inputs_.size() || inputs_[at_ + 1]->meta().min_sequence > reached_;
  rows_ = told_ = 0;
  group_ = 0;
  is_first_ = true;
  if (IsGone(*inputs_[at_])) return Status::Ok();
  GRANARY_ASSIGN(reader_, inputs_[at_]->Reader());
  apart_ = begins_apart_ && ends_apart && RowGroupsRise(*reader_);
  return Status::Ok();
}

// Null where all of it is deleted.
Result<BatchPtr> MergeInput::ReadGroup() {
  const Segment& input = *inputs_[at_];
  const RowSetPtr deleted = input.deletions() ? input.deletions()->rows() : nullptr;
  const int group = group_++;
  const std::uint64_t begin = rows_;
  rows_ += static_cast<std::uint64_t>(reader_->rows(group));
  if (deleted != nullptr && deleted->CountIn(begin, rows_) == rows_ - begin) return BatchPtr();
  GRANARY_ASSIGN(BatchPtr batch, reader_->Read(group, columns_, schema_, nullptr, deps_.go_on));
  if (rows_ - begin != static_cast<std::uint64_t>(batch->num_rows()))
    return Status::Corruption("a row group with another number of rows");
  if (deleted != nullptr) {
    GRANARY_ASSIGN(batch, WithoutDeleted(batch, begin, *deleted));
  }
  sum_.Add(*batch);
  const SegmentMeta& meta = input.meta();
  const std::uint64_t now =
      meta.rows == 0 ? 0 : meta.bytes * std::min(rows_, meta.rows) / meta.rows;
  if (deps_.progress) deps_.progress(now - std::exchange(told_, now));
  if (batch->num_rows() == 0) return BatchPtr();
  row_bytes_ =
      std::max(row_bytes_, static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*batch)) /
                               static_cast<std::uint64_t>(batch->num_rows()));
  return batch;
}

Status MergeInput::Close() {
  const Segment& input = *inputs_[at_];
  const bool was_read = std::exchange(reader_, nullptr) != nullptr;
  const SegmentMeta& meta = input.meta();
  if (was_read && rows_ != meta.rows) {
    return Status::Corruption(fmt::format("{}: {} rows, the manifest says {}",
                                          io::JoinPath(input.directory(), meta.path), rows_,
                                          meta.rows));
  }
  ++at_;
  return Status::Ok();
}

std::uint64_t MergeInput::next_bytes() const {
  if (row_bytes_ == 0) return std::numeric_limits<std::uint64_t>::max();
  if (reader_ != nullptr && group_ < reader_->row_groups())
    return static_cast<std::uint64_t>(reader_->rows(group_)) * row_bytes_;
  const std::size_t next = reader_ == nullptr ? at_ : at_ + 1;
  return next < inputs_.size() ? inputs_[next]->meta().rows * row_bytes_ : 0;
}

}  // namespace granary::storage
