// Row pieces: how many rows of an answer are made text at once, so that wide rows are not all text at
// the same time.
//
// Threads    pure.
#pragma once

#include <cstdint>

#include <arrow/type_fwd.h>

namespace granary::hosting {

/// Of the rows' own bytes. Their text may have several times as many, a compressor's output more.
inline constexpr std::int64_t kPieceOfRowsBytes = 1 << 20;
inline constexpr std::int64_t kPieceOfRows = 1024;

/// Rows from `first` on, at least one of those that are there: at most kPieceOfRows, and no more
/// than kPieceOfRowsBytes unless it is one row.
std::int64_t RowsInPiece(const arrow::RecordBatch& batch, std::int64_t first);

}  // namespace granary::hosting
