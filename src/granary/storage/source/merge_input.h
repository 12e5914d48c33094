// MergeInput: the rows that a merge puts together, row group by row group, in the order of the
// inputs' sequences, without those that are deleted.
//
// Promise    no row twice, none left out: what its RowSum says at the end is what was handed out.
// Errors     kCorruption names the input that cannot be read, which `damaged` is then set to; the
//            go_on of MergeDeps.
// Memory     of a call: one row group.
// Threads    one at a time, which need not be the same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/source/segment.h"
#include "granary/storage/source/segment_merger.h"

namespace granary::storage {

/// What must be the same before and after.
struct RowSum {
  std::uint64_t rows = 0;
  std::uint64_t sequences = 0;

  /// Of batches whose last column is the sequence.
  void Add(const arrow::RecordBatch& batch);
  bool operator==(const RowSum&) const = default;
};

/// Whether the sequences of such a batch rise.
bool SequencesRise(const arrow::RecordBatch& batch);

/// Row groups of one input after the other.
class MergeInput {
 public:
  using SegmentPtr = std::shared_ptr<const Segment>;

  /// `deps`, `schema` and `damaged` outlive it.
  MergeInput(const MergeDeps& deps, const Schema& schema, std::vector<SegmentPtr> inputs,
             std::optional<SegmentId>& damaged);

  const SegmentPtr& first() const { return inputs_.front(); }

  struct Piece {
    std::shared_ptr<arrow::RecordBatch> rows;  ///< The last column is the sequence. Null: no more.
    bool begins_apart = false;                 ///< All that came before is of lower sequences.
    bool ordered = false;  ///< So is all that comes after of higher ones, and it is in order.
  };
  Result<Piece> Next();
  /// Of what Next will read, by the widest rows so far; the most that it can be before those.
  std::uint64_t next_bytes() const;

  const RowSum& sum() const { return sum_; }
  /// In memory, of the widest rows so far; 0 before the first.
  std::uint64_t row_bytes() const { return row_bytes_; }

 private:
  Result<Piece> NextPiece();
  Status Open();
  Result<std::shared_ptr<arrow::RecordBatch>> ReadGroup();
  Status Close();

  const MergeDeps& deps_;
  const Schema& schema_;
  std::vector<SegmentPtr> inputs_;  // By their first sequence.
  std::optional<SegmentId>& damaged_;
  std::vector<ColumnId> columns_;

  std::size_t at_ = 0;                           // Of the inputs.
  std::uint64_t reached_ = 0;                    // The highest sequence of those before.
  std::shared_ptr<const SegmentReader> reader_;  // Of the open one.
  int group_ = 0;
  bool begins_apart_ = false, apart_ = false, is_first_ = false;
  std::uint64_t rows_ = 0, told_ = 0;
  RowSum sum_;
  std::uint64_t row_bytes_ = 0;
};

}  // namespace granary::storage
