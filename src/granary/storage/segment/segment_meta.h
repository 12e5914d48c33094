// SegmentMeta: what the manifest knows of one Parquet file of a source.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "granary/base/ids.h"
#include "granary/storage/index/index_meta.h"
#include "granary/storage/partition/partition.h"
#include "granary/types/column_stats.h"
#include "granary/types/schema.h"

namespace granary::storage {

struct SegmentMeta {
  SegmentId id;
  std::string path;  ///< Relative to the source's folder.
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  /// The end of the file behind its last column: page index, Parquet footer, magic. Their CRC-32C
  /// is kept here because Parquet has none; 0 bytes: not known, not checked.
  std::uint32_t footer_bytes = 0;
  std::uint32_t footer_crc = 0;
  std::uint32_t schema_version = 0;  ///< Of the columns in the file.
  std::uint64_t min_sequence = 0;
  std::uint64_t max_sequence = 0;
  std::uint32_t partition_spec = 0;  ///< Version of the source's spec; 0 is the first.
  PartitionKey partition;
  std::int64_t created_us = 0;
  std::unordered_map<ColumnId, ColumnStats> columns;  ///< A column that is not here is all null.
  std::vector<IndexMeta> indexes;                     ///< Files beside this one, by key.
  /// Of the source's compactions: the one that made the file, 0 when none did; and the one that
  /// replaced it, 0 while it is live.
  std::uint64_t generation = 0;
  std::uint64_t retired_generation = 0;
  std::int64_t retired_us = 0;  ///< When that was.
};

}  // namespace granary::storage
