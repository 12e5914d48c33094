// Parquet's statistics of a column chunk, or of one of its pages, as ColumnStats.
#pragma once

#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include "granary/types/column_stats.h"

namespace granary::storage {

/// In the domain of `type`, which the file was written with. Unknown where the footer does not say,
/// and for lists.
ColumnStats ChunkStats(const parquet::ColumnChunkMetaData& chunk, std::int64_t rows,
                       const DataType& type);

/// The same of `rows` rows that `stats` are of; their physical type may be any.
ColumnStats StatsOf(const parquet::Statistics& stats, std::int64_t rows, const DataType& type);

}  // namespace granary::storage
