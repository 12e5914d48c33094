// Deletions: which rows of a segment are deleted, and since when. Segments never change; this is
// what changes beside them.
//
// Moment     a delete takes a sequence number, like a record, and a replaced record ends with the
//            sequence of the one that replaced it. A snapshot up to sequence S lacks the rows whose
//            moment is S or before. So an older snapshot still shows the row.
// Shape      versions, one for each commit that deleted rows of the segment; no row is in two.
//            Old ones are folded into one once no snapshot is as old as they are.
// Threads    immutable: shared between snapshots.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/segment/row_set.h"

namespace granary::storage {

/// The rows that one commit deleted.
struct Deletion {
  RowSet rows;
  std::uint64_t first_sequence = 0;  ///< The moments of the rows: all the same one,
  std::uint64_t last_sequence = 0;
  std::vector<std::uint64_t> sequences;  ///< or one for each row, in their order.
  std::int64_t at_us = 0;                ///< When it was committed.

  /// Rows and moments as bytes (docs/formats/manifest.md).
  void EncodeTo(std::string& out) const;
  /// `rows_max`: of the segment. Sets rows and sequences.
  Status DecodeRows(std::string_view bytes, std::uint64_t rows_max);
  /// Those with a moment up to `sequence`.
  RowSet UpTo(std::uint64_t sequence) const;
  bool operator==(const Deletion&) const = default;
};
using DeletionPtr = std::shared_ptr<const Deletion>;

/// A row and its moment.
struct EndedRow {
  std::uint32_t row = 0;
  std::uint64_t sequence = 0;
  bool operator==(const EndedRow&) const = default;
};
/// Of `ended`, in any order and not empty, each row once. Keeps one moment where all are the same.
DeletionPtr MakeDeletion(std::vector<EndedRow> ended, std::int64_t at_us);

class Deletions {
 public:
  explicit Deletions(std::vector<DeletionPtr> versions);

  const std::vector<DeletionPtr>& versions() const { return versions_; }
  /// All deleted rows.
  const RowSetPtr& rows() const { return rows_; }
  /// The rows that a snapshot up to `sequence` lacks; null for none.
  RowSetPtr At(std::uint64_t sequence) const;
  /// The last moment up to `sequence`; 0: none. Equal ones mean equal rows.
  std::uint64_t LastUpTo(std::uint64_t sequence) const;
  std::uint64_t last_sequence() const { return last_sequence_; }
  /// The moment of a row that is deleted.
  std::uint64_t MomentOf(std::uint32_t row) const;

 private:
  std::vector<DeletionPtr> versions_;
  RowSetPtr rows_;
  std::uint64_t last_sequence_ = 0;
};
using DeletionsPtr = std::shared_ptr<const Deletions>;  ///< Null: nothing is deleted.

/// When versions are folded.
struct DeletionLimits {
  std::int64_t fold_before_us = 0;  ///< Those that were committed before,
  std::size_t versions_max = 1000;  ///< and the older half of more than so many.
};

/// `before` with one more version. Folds; moments up to `forgotten` cannot be told apart
/// afterwards.
DeletionsPtr WithDeletion(const DeletionsPtr& before, DeletionPtr added,
                          const DeletionLimits& limits, std::uint64_t& forgotten);

}  // namespace granary::storage
