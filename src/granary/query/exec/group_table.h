// GroupTable: which group each row belongs to, by the values of any number of columns.
//
// How        each column numbers its distinct values; the numbers of two columns are a pair that
//            has a number again, and so on from left to right, so that a group is one number and
//            nothing is encoded or compared as text.
// Threads    one writer; const from many.
#pragma once

#include <cstdint>
#include <vector>

#include "granary/query/exec/key_column.h"
#include "granary/query/exec/key_table.h"
#include "granary/query/exec/value_block.h"

namespace granary::query {

/// Numbers pairs of numbers.
class PairTable {
 public:
  explicit PairTable(KeyLookup lookup) : lookup_(lookup), pairs_(lookup) {}
  std::uint32_t FindOrAdd(std::uint32_t left, std::uint32_t right) {
    return pairs_.FindOrAdd(KeyOf(left, right));
  }
  /// left[i] = the number of (left[i], right[i]). All are below left_size and right_size; while
  /// those are small the numbers are looked up in a matrix.
  void Combine(const std::vector<std::uint32_t>& right, std::size_t left_size,
               std::size_t right_size, std::vector<std::uint32_t>& left);

  Status MakeRoom(std::size_t more, const runtime::CancelToken& cancel) {
    return pairs_.MakeRoom(more, cancel);
  }

  std::size_t size() const { return pairs_.size(); }
  std::uint32_t left(std::uint32_t id) const {
    return static_cast<std::uint32_t>(pairs_.key(id) >> 32);
  }
  std::uint32_t right(std::uint32_t id) const { return static_cast<std::uint32_t>(pairs_.key(id)); }
  std::uint64_t bytes() const { return pairs_.bytes() + BytesOf(matrix_); }

 private:
  static std::uint64_t KeyOf(std::uint32_t left, std::uint32_t right) {
    return std::uint64_t{left} << 32 | right;
  }

  KeyLookup lookup_;
  IntKeyTable pairs_;
  std::size_t stride_ = 0;
  std::vector<std::uint32_t> matrix_;
};

class GroupTable {
 public:
  /// No types: one group, always there.
  explicit GroupTable(const std::vector<DataType>& types, KeyLookup lookup = KeyLookup::kFast);

  /// groups[i] = the group of row i; one block a column.
  void Assign(const std::vector<ValueBlock>& blocks, std::vector<std::uint32_t>& groups);
  /// Before Assign of so many rows: see IntKeyTable.
  Status MakeRoom(std::size_t more, const runtime::CancelToken& cancel);
  /// Adds another table's groups: group_of[its group] = the group here. Looks at `cancel` now and
  /// then.
  Status Merge(const GroupTable& other, std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& cancel);

  std::size_t size() const;
  Value ValueOf(std::size_t column, std::uint32_t group) const;
  std::uint64_t bytes() const;

 private:
  std::vector<KeyColumn> columns_;
  std::vector<PairTable>
      pairs_;  ///< pairs_[i] joins the groups of columns 0 … i with column i + 1.
  std::vector<std::uint32_t> ids_;
};

}  // namespace granary::query
