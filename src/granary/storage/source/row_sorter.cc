#include "granary/storage/source/row_sorter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "granary/types/value.h"

namespace granary::storage {
namespace {

using BatchPtr = RowSorter::BatchPtr;

constexpr std::int64_t kSinkRows = 8192;  ///< That are merged and handed on at once.

Status MergeStatus(const arrow::Status& status, std::string_view what) {
  if (status.ok()) return Status::Ok();
  return Status::Internal(fmt::format("merge: {}: {}", what, status.ToString()));
}

template <typename T>
Result<T> Checked(arrow::Result<T> result, std::string_view what) {
  GRANARY_TRY(MergeStatus(result.status(), what));
  return result.MoveValueUnsafe();
}

std::uint64_t BytesOf(const arrow::RecordBatch& batch) {
  const auto referenced = arrow::util::ReferencedBufferSize(batch);
  return static_cast<std::uint64_t>(referenced.ok() ? *referenced
                                                    : arrow::util::TotalBufferSize(batch));
}

Result<BatchPtr> TakeRows(const BatchPtr& batch, const std::shared_ptr<arrow::Array>& positions) {
  GRANARY_ASSIGN(
      const arrow::Datum taken,
      Checked(arrow::compute::Take(batch, positions, arrow::compute::TakeOptions::NoBoundsCheck()),
              "take rows"));
  return taken.record_batch();
}

std::int64_t SequenceAt(const arrow::RecordBatch& batch, std::int64_t row) {
  const auto& column =
      static_cast<const arrow::Int64Array&>(*batch.column(batch.num_columns() - 1));
  return column.Value(row);
}

bool IsAscending(const arrow::RecordBatch& batch) {
  const auto& column =
      static_cast<const arrow::Int64Array&>(*batch.column(batch.num_columns() - 1));
  const std::int64_t* values = column.raw_values();
  return std::is_sorted(values, values + column.length());
}

Status HandOn(const BatchPtr& rows, const RowSorter::Sink& sink) {
  for (std::int64_t begin = 0; begin < rows->num_rows(); begin += kSinkRows)
    GRANARY_TRY(sink(rows->Slice(begin, kSinkRows)));
  return Status::Ok();
}

}  // namespace

struct RowSorter::Run {
  std::vector<runtime::SpillExtent> blocks;
};

// A block of each run, and a heap of their first rows that were not taken yet.
class RowSorter::Merge {
  static constexpr std::size_t kNoRange = ~std::size_t{0};
  struct Cursor {
    Run run;
    std::size_t next_block = 0;
    BatchPtr block;
    std::int64_t row = 0;
    std::vector<Value> key;
    std::int64_t sequence = 0;
    std::size_t range = 0;
  };
  struct Range {
    BatchPtr block;
    std::int64_t begin = 0, end = 0;
  };
  /// A heap of the cursors has the one with the first row on top.
  struct After {
    const std::vector<Cursor>& cursors;
    bool operator()(std::size_t a, std::size_t b) const {
      const Cursor &x = cursors[a], &y = cursors[b];
      for (std::size_t i = 0; i < x.key.size(); ++i) {
        if (const auto order = Compare(x.key[i], y.key[i]); order != 0) return order > 0;
      }
      return x.sequence > y.sequence;
    }
  };

 public:
  Merge(const std::vector<int>& keys, const runtime::SpillFile& file,
        std::shared_ptr<arrow::Schema> schema)
      : keys_(keys), file_(file), schema_(std::move(schema)) {}

  Status Open(std::vector<Run> runs) {
    for (Run& run : runs) cursors_.push_back({std::move(run), 0, nullptr, 0, {}, 0, 0});
    for (std::size_t i = 0; i < cursors_.size(); ++i) {
      GRANARY_ASSIGN(const bool more, NextBlock(cursors_[i]));
      if (more) heap_.push_back(i);
    }
    std::make_heap(heap_.begin(), heap_.end(), After{cursors_});
    return Status::Ok();
  }

  /// Null at the end.
  Result<BatchPtr> Next() {
    ranges_.clear();
    for (Cursor& cursor : cursors_) cursor.range = kNoRange;
    std::vector<std::pair<std::size_t, std::int64_t>> picks;  // Range, row in its block.
    while (!heap_.empty() && picks.size() < static_cast<std::size_t>(kSinkRows)) {
      std::pop_heap(heap_.begin(), heap_.end(), After{cursors_});
      Cursor& cursor = cursors_[heap_.back()];
      if (cursor.range == kNoRange) {
        cursor.range = ranges_.size();
        ranges_.push_back({cursor.block, cursor.row, cursor.row});
      }
      picks.emplace_back(cursor.range, cursor.row);
      ranges_[cursor.range].end = ++cursor.row;
      bool more = true;
      if (cursor.row == cursor.block->num_rows()) {
        cursor.range = kNoRange;
        GRANARY_ASSIGN(more, NextBlock(cursor));
      } else {
        LoadKey(cursor);
      }
      if (more)
        std::push_heap(heap_.begin(), heap_.end(), After{cursors_});
      else
        heap_.pop_back();
    }
    if (picks.empty()) return BatchPtr();
    return Gather(picks);
  }

 private:
  void LoadKey(Cursor& cursor) const {
    cursor.key.clear();
    for (const int key : keys_)
      cursor.key.push_back(ValueAt(*cursor.block->column(key), cursor.row));
    cursor.sequence = SequenceAt(*cursor.block, cursor.row);
  }

  Result<bool> NextBlock(Cursor& cursor) {
    cursor.block = nullptr;
    if (cursor.next_block == cursor.run.blocks.size()) return false;
    std::string bytes;
    GRANARY_TRY(file_.Read(cursor.run.blocks[cursor.next_block++], bytes));
    arrow::io::BufferReader in(arrow::Buffer::FromString(std::move(bytes)));
    GRANARY_ASSIGN(cursor.block,
                   Checked(arrow::ipc::ReadRecordBatch(schema_, nullptr,
                                                       arrow::ipc::IpcReadOptions::Defaults(), &in),
                           "read a run"));
    cursor.row = 0;
    LoadKey(cursor);
    return true;
  }

  Result<BatchPtr> Gather(const std::vector<std::pair<std::size_t, std::int64_t>>& picks) const {
    arrow::RecordBatchVector parts;
    std::vector<std::int64_t> begins;
    std::int64_t rows = 0;
    for (const Range& range : ranges_) {
      parts.push_back(range.block->Slice(range.begin, range.end - range.begin));
      begins.push_back(rows - range.begin);
      rows += range.end - range.begin;
    }
    if (parts.size() == 1) return parts.front();
    std::vector<std::int64_t> positions;
    positions.reserve(picks.size());
    for (const auto& [range, row] : picks) positions.push_back(begins[range] + row);
    GRANARY_ASSIGN(const BatchPtr all,
                   Checked(arrow::ConcatenateRecordBatches(parts), "join rows"));
    const auto count = static_cast<std::int64_t>(positions.size());
    return TakeRows(all, std::make_shared<arrow::Int64Array>(
                             count, arrow::Buffer::FromVector(std::move(positions))));
  }

  const std::vector<int>& keys_;
  const runtime::SpillFile& file_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<Cursor> cursors_;
  std::vector<std::size_t> heap_;
  std::vector<Range> ranges_;  // Of what Next gathers: the rows of a block that it takes.
};

RowSorter::RowSorter(RowSorterOptions options, runtime::SpillSpace& spill)
    : options_(std::move(options)), spill_(spill) {}
RowSorter::~RowSorter() = default;

Status RowSorter::Add(BatchPtr batch) {
  if (batch->num_rows() == 0) return Status::Ok();
  const std::uint64_t bytes = BytesOf(*batch);
  if (!held_.empty() && held_bytes_ + bytes > options_.run_bytes) GRANARY_TRY(SpillHeld());
  held_bytes_ += bytes;
  held_.push_back(std::move(batch));
  return Status::Ok();
}

// As most merges have it: files that follow each other, and are long enough not to be handed on as
// crumbs. Then nothing is copied.
bool RowSorter::IsHeldInOrder() const {
  if (!options_.keys.empty()) return false;
  std::int64_t rows = 0;
  std::optional<std::int64_t> reached;
  for (const BatchPtr& batch : held_) {
    if (!IsAscending(*batch) || (reached && SequenceAt(*batch, 0) < *reached)) return false;
    reached = SequenceAt(*batch, batch->num_rows() - 1);
    rows += batch->num_rows();
  }
  return rows >= kSinkRows * static_cast<std::int64_t>(held_.size());
}

// Rows mostly come in order of sequence already: then there is nothing to sort.
Result<BatchPtr> RowSorter::SortHeld() {
  BatchPtr all = held_.front();
  if (held_.size() > 1) {
    GRANARY_ASSIGN(all, Checked(arrow::ConcatenateRecordBatches(held_), "join rows"));
  }
  held_.clear();
  held_bytes_ = 0;
  if (options_.keys.empty() && IsAscending(*all)) return all;
  std::vector<arrow::compute::SortKey> keys;
  for (const int key : options_.keys) keys.emplace_back(arrow::FieldRef(key));
  keys.emplace_back(arrow::FieldRef(all->num_columns() - 1));
  GRANARY_ASSIGN(const auto order,
                 Checked(arrow::compute::SortIndices(arrow::Datum(all),
                                                     arrow::compute::SortOptions(std::move(keys))),
                         "sort"));
  return TakeRows(all, order);
}

// In blocks that all runs together have room for.
Status RowSorter::SpillHeld() {
  GRANARY_ASSIGN(const BatchPtr sorted, SortHeld());
  if (file_ == nullptr) {
    GRANARY_ASSIGN(file_, spill_.NewFile());
  }
  Run run;
  const std::uint64_t row_bytes =
      std::max<std::uint64_t>(BytesOf(*sorted) / static_cast<std::uint64_t>(sorted->num_rows()), 1);
  const auto block_rows = static_cast<std::int64_t>(
      std::max<std::uint64_t>(options_.run_bytes / options_.runs_max / row_bytes, 1));
  for (std::int64_t begin = 0; begin < sorted->num_rows(); begin += block_rows) {
    GRANARY_ASSIGN(const auto bytes, Checked(arrow::ipc::SerializeRecordBatch(
                                                 *sorted->Slice(begin, block_rows),
                                                 arrow::ipc::IpcWriteOptions::Defaults()),
                                             "write a run"));
    GRANARY_ASSIGN(const runtime::SpillExtent extent, file_->Append(std::string_view(*bytes)));
    run.blocks.push_back(extent);
  }
  schema_ = sorted->schema();
  runs_.push_back(std::move(run));
  return runs_.size() < options_.runs_max ? Status::Ok() : CollapseRuns();
}

Status RowSorter::MergeRuns(const Sink& sink) {
  Merge merge(options_.keys, *file_, schema_);
  GRANARY_TRY(merge.Open(std::exchange(runs_, {})));
  for (;;) {
    GRANARY_ASSIGN(const BatchPtr rows, merge.Next());
    if (rows == nullptr) return Status::Ok();
    GRANARY_TRY(sink(rows));
  }
}

Status RowSorter::CollapseRuns() {
  GRANARY_ASSIGN(auto next, spill_.NewFile());
  Run run;
  GRANARY_TRY(MergeRuns([&](const BatchPtr& rows) -> Status {
    GRANARY_ASSIGN(const auto bytes, Checked(arrow::ipc::SerializeRecordBatch(
                                                 *rows, arrow::ipc::IpcWriteOptions::Defaults()),
                                             "write a run"));
    GRANARY_ASSIGN(const runtime::SpillExtent extent, next->Append(std::string_view(*bytes)));
    run.blocks.push_back(extent);
    return Status::Ok();
  }));
  file_ = std::move(next);
  runs_.push_back(std::move(run));
  return Status::Ok();
}

Status RowSorter::Finish(const Sink& sink) {
  if (runs_.empty()) {
    if (held_.empty()) return Status::Ok();
    if (IsHeldInOrder()) {
      held_bytes_ = 0;
      for (const BatchPtr& batch : std::exchange(held_, {})) GRANARY_TRY(HandOn(batch, sink));
      return Status::Ok();
    }
    GRANARY_ASSIGN(const BatchPtr all, SortHeld());
    return HandOn(all, sink);
  }
  if (!held_.empty()) GRANARY_TRY(SpillHeld());
  const Status merged = MergeRuns(sink);
  runs_.clear();
  file_.reset();
  return merged;
}

}  // namespace granary::storage
