// ColumnPages: the data pages of one column in one row group: where they lie, which rows they
// hold, and what the file's page index says of their values.
//
// Promise    taken from the file's column and offset index only when these agree with each other
//            and with the footer: pages fill their chunk without a gap, rows the row group, nulls
//            and bounds what the chunk's own statistics say. What does not is kCorruption.
// Bounds     bound: a reader never takes one for a value that is there (min_exact, max_exact are
//            false). A NaN is in none of them.
// Threads    immutable once made.
// Source     parquet-format, PageIndex.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/segment/row_spans.h"
#include "granary/types/column_stats.h"

namespace parquet {
class ColumnChunkMetaData;
class ColumnDescriptor;
}  // namespace parquet

namespace granary::storage {

struct ColumnPages {
  /// The first row of each page, from 0, and behind them the rows of the row group.
  std::vector<std::int64_t> first_rows;
  /// Where each page begins in the file, and behind them where the last one ends.
  std::vector<std::int64_t> offsets;
  /// Where the dictionary begins, which ends where the first page begins; the same: there is none.
  std::int64_t dictionary_offset = 0;
  /// One a page, in the type that the file has the column in; empty: nothing is known of them.
  std::vector<ColumnStats> stats;

  std::size_t count() const { return first_rows.empty() ? 0 : first_rows.size() - 1; }
  bool has_dictionary() const { return dictionary_offset < offsets.front(); }
  /// The page that holds the row.
  std::size_t PageOf(std::int64_t row) const;
};

/// The end of a file, from `begin` on.
struct FileTail {
  std::uint64_t begin = 0;
  std::string_view bytes;
};

/// Of a column chunk of a flat column with `rows` rows and values of `type`. kNotFound when the
/// file has no offset index for it, kCorruption when an index is damaged or contradicts.
Result<ColumnPages> ReadColumnPages(const parquet::ColumnChunkMetaData& chunk,
                                    const parquet::ColumnDescriptor& column, std::int64_t rows,
                                    const DataType& type, const FileTail& tail);

}  // namespace granary::storage
