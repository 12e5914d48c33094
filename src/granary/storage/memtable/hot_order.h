// HotOrder: the rows of one chunk of the hot tier in the order of one column. It is made by the
// first question, and anew once the chunk has grown by a part of itself; rows that came since are
// named by every answer.
//
// Promise    never leaves out a row that an answer has; may name others: the newest ones, and
//            strings that are equal as far as index keys go (index_key.h).
// Cost       four bytes a row, and the column as it was when the order was made.
// Threads    one at a time: HotIndex locks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/storage/index/tree_reader.h"
#include "granary/types/value.h"

namespace granary::storage {

/// `values` is the column as a view of the chunk has it; rows are appended in no order. False, and
/// nothing, when more than `rows_max` would be named.
class HotOrder {
 public:
  using Values = std::shared_ptr<arrow::Array>;
  using Rows = std::vector<std::int32_t>;

  /// Values from `low` to `high`, which both belong to them; null: no end.
  bool FindRange(const Values& values, const Value& low, const Value& high, std::size_t rows_max,
                 Rows& rows);
  bool FindPrefix(const Values& values, const std::string& prefix, std::size_t rows_max,
                  Rows& rows);
  /// The first `count` values in `order`, and all that tie with the last of them. False, too, when
  /// fewer rows have a value.
  bool FindFirst(const Values& values, KeyOrder order, std::size_t count, std::size_t rows_max,
                 Rows& rows);

 private:
  using Place = std::vector<std::uint32_t>::const_iterator;

  void CatchUp(const Values& values);
  std::string KeyAt(std::uint32_t row) const;
  /// The first row whose key is not below `key`; or which is above all that begin with it.
  Place NotBelow(const std::string& key) const;
  Place Above(const std::string& key, bool and_longer) const;
  /// Rows of the order that `values` has, and all that came after the order was made.
  bool Name(Place begin, Place end, const arrow::Array& values, std::size_t rows_max,
            Rows& rows) const;

  std::vector<std::uint32_t> rows_;  ///< By value, then by row; without those that have none.
  Values sorted_;                    ///< Of which.
};

}  // namespace granary::storage
