#include "granary/storage/index/index_meta.h"

#include <fmt/format.h>

namespace granary::storage {

std::string IndexPath(std::string_view segment_path, const IndexKey& key) {
  const auto dot = segment_path.rfind('.');
  return fmt::format("{}.{}.{}{}", segment_path.substr(0, dot), key.column, IndexKindName(key.kind),
                     kIndexFileSuffix);
}

}  // namespace granary::storage
