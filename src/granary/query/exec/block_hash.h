// BlockHash: a hash of each value of a block that is the same for values that group as one: -0.0
// and 0.0, all NaNs, and a string whatever its coding.
//
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "granary/query/exec/value_block.h"

namespace granary::query {

/// Of a value that is not null.
std::uint64_t HashAt(const ValueBlock& block, std::int64_t i);

/// The same of a value and its group.
std::uint64_t HashInGroup(const ValueBlock& block, std::int64_t i, std::uint32_t group);

/// hashes[i]: of the i-th values of all blocks together, nulls included.
void HashRows(std::span<const ValueBlock> blocks, std::int64_t rows,
              std::vector<std::uint64_t>& hashes);

}  // namespace granary::query
