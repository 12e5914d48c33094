// ReplacedRows: rows of one segment that hot records replace, until a flush makes deletions of
// them.
//
// Order      by the sequence of the record that replaces the row, ascending: a snapshot lacks a
//            beginning of them.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "granary/storage/segment/deletions.h"

namespace granary::storage {

class ReplacedRows {
 public:
  /// Sequences ascend, also from call to call.
  void Add(const std::vector<EndedRow>& rows);

  /// `deleted` and the rows that a snapshot up to `sequence` lacks besides; null for none.
  RowSetPtr With(const RowSetPtr& deleted, std::uint64_t sequence) const;
  /// The last sequence up to `sequence` at which a row was replaced; 0: none.
  std::uint64_t LastUpTo(std::uint64_t sequence) const;
  /// Those after `sequence`, or up to it.
  std::vector<EndedRow> After(std::uint64_t sequence) const;
  std::vector<EndedRow> UpTo(std::uint64_t sequence) const;

 private:
  std::size_t CountUpTo(std::uint64_t sequence) const;

  mutable std::mutex mutex_;
  std::vector<EndedRow> rows_;
  // What With gave last, since it is asked for the same by every search.
  mutable RowSetPtr kept_;
  mutable RowSetPtr kept_of_;
  mutable std::size_t kept_count_ = 0;
};

}  // namespace granary::storage
