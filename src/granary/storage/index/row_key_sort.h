// Sorting of row keys: a pass for every 11 bits in which keys differ, instead of comparisons.
#pragma once

#include <vector>

#include "granary/storage/index/index_key.h"

namespace granary::storage {

/// By key, then row. Rows of equal keys must stand in order already, as Append… leave them. Takes
/// as much memory again while it runs.
void SortRowKeys(std::vector<RowKey>& keys);

}  // namespace granary::storage
