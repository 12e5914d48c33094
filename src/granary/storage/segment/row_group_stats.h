// Parquet's statistics of a column chunk as ColumnStats.
#pragma once

#include <parquet/metadata.h>

#include "granary/types/column_stats.h"

namespace granary::storage {

/// In the domain of `type`, which the file was written with. Unknown where the footer does not say,
/// and for lists.
ColumnStats ChunkStats(const parquet::ColumnChunkMetaData& chunk, std::int64_t rows,
                       const DataType& type);

}  // namespace granary::storage
