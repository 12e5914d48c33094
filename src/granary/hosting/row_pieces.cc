#include "granary/hosting/row_pieces.h"

#include <algorithm>

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

namespace granary::hosting {

std::int64_t RowsInPiece(const arrow::RecordBatch& batch, std::int64_t first) {
  std::int64_t rows = std::min(kPieceOfRows, batch.num_rows() - first);
  while (rows > 1) {
    const auto bytes = arrow::util::ReferencedBufferSize(*batch.Slice(first, rows));
    if (!bytes.ok() || *bytes <= kPieceOfRowsBytes) break;
    rows = std::min(rows - 1, std::max<std::int64_t>(
                                  1, rows * kPieceOfRowsBytes / std::max<std::int64_t>(*bytes, 1)));
  }
  return rows;
}

}  // namespace granary::hosting
