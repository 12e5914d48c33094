// IndexMeta: what the manifest knows of one index file beside a segment.
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/ids.h"
#include "granary/storage/index/index_kind.h"
#include "granary/types/schema.h"

namespace granary::storage {

/// Which index: at most one of a kind per column.
struct IndexKey {
  ColumnId column = 0;
  IndexKind kind = IndexKind::kHash;
  auto operator<=>(const IndexKey&) const = default;
};

struct IndexMeta {
  IndexKey key;
  std::uint64_t bytes = 0;       ///< Of the file.
  std::uint32_t footer_crc = 0;  ///< Tells one build of it from another.
  bool operator==(const IndexMeta&) const = default;
};

inline constexpr std::string_view kIndexFileSuffix = ".idx";

/// "day=2024-01-15/0000000000000007.parquet" -> "day=2024-01-15/0000000000000007.3.hash.idx", where
/// 3 is the column's id.
std::string IndexPath(std::string_view segment_path, const IndexKey& key);

}  // namespace granary::storage
