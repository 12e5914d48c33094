// HotProbe: what the indexes of a hot chunk (storage/memtable/hot_index.h) name.
//
// Promise    rows ascending, a superset of those that were asked for; nothing when the chunk cannot
//            tell, or more than `rows_max` would be named.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "granary/query/optimizer/index_questions.h"
#include "granary/storage/index/tree_reader.h"
#include "granary/storage/memtable/memtable.h"

namespace granary::query {

/// By the chunk's hash index, of a question of kEqual.
std::optional<std::vector<std::int32_t>> FindByHash(const IndexQuestion& question,
                                                    const storage::HotChunk& chunk,
                                                    std::size_t rows_max);
/// By the order of the column, of a range or a prefix.
std::optional<std::vector<std::int32_t>> FindInOrder(const IndexQuestion& question,
                                                     const storage::HotChunk& chunk,
                                                     std::size_t rows_max);
/// The first `count` rows in the order of a column, and all that tie with the last of them.
std::optional<std::vector<std::int32_t>> FirstInOrder(const Column& column, storage::KeyOrder order,
                                                      const storage::HotChunk& chunk,
                                                      std::size_t count, std::size_t rows_max);

}  // namespace granary::query
