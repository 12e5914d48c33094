// HotIndex: hash indices and orders over the columns of one chunk of the hot tier. A column's is
// made by the first look-up and caught up by later ones, so writers pay nothing for it.
//
// Promise    never leaves out a row that has the value; may name others (32 bits of hash, and see
//            hot_order.h).
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/storage/memtable/hot_order.h"
#include "granary/types/schema.h"

namespace granary::storage {

class HotIndex {
 public:
  /// Appends the rows of `values`, the column as the caller's view has it, that may have one of the
  /// hashes (HashValue's); in no order, a row perhaps twice. False, and nothing, past `rows_max`.
  bool Find(ColumnId column, const arrow::Array& values, std::span<const std::uint64_t> hashes,
            std::size_t rows_max, std::vector<std::int32_t>& rows);

  /// What `ask` says of the column's order; nobody else asks meanwhile.
  bool InOrder(ColumnId column, const std::function<bool(HotOrder& order)>& ask);

 private:
  /// Chained hashing: `heads` by bucket, entries linked by position + 1, 0 ends a chain.
  struct Table {
    struct Entry {
      std::uint32_t hash = 0;
      std::uint32_t row = 0;
      std::uint32_t next = 0;
    };
    std::int64_t rows = 0;  ///< Of the chunk that are in here.
    std::vector<Entry> entries;
    std::vector<std::uint32_t> heads;

    void CatchUp(const arrow::Array& values);
    void Link(std::uint32_t position);
  };

  std::mutex mutex_;
  std::map<ColumnId, Table> tables_;
  std::map<ColumnId, HotOrder> orders_;
};

}  // namespace granary::storage
