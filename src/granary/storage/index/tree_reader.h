// Reading a tree: from its root down to the keys of a range, forward or backward.
//
// Cost       a block a level and those that the range covers.
// Threads    const from many.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/storage/index/index_block.h"
#include "granary/storage/index/index_format.h"

namespace granary::storage {

/// Both ends belong to it.
struct KeyRange {
  std::optional<std::string> low;
  std::optional<std::string> high;
};

/// The keys that start with `prefix`, and perhaps the one after them.
KeyRange PrefixRange(std::string_view prefix);

enum class KeyOrder : std::uint8_t { kAscending, kDescending };

/// False: enough. A key may come several times, each with other rows; rows ascend within a call,
/// and from call to call too when ascending.
using KeyVisitor = std::function<bool(std::string_view key, std::span<const std::uint32_t> rows)>;

/// Gives the block at `offset`, checked, which is to play that role.
using BlockFn = std::function<Result<std::shared_ptr<const IndexBlock>>(
    std::uint64_t offset, std::uint64_t bytes, BlockRole role)>;

/// kCorruption for a tree that does not hold together: a block that does not decode, plays two
/// roles, or comes before another of its level that it stands behind; rows that the segment does
/// not have. So no block is read twice, and whatever its checksums cover, a look-up ends.
Status VisitTree(const IndexFooterLayout& footer, const BlockFn& block, const KeyRange& range,
                 KeyOrder order, const KeyVisitor& visit);

/// All of it, ascending; kCorruption also where a block above names another first key than a block
/// has, by which a look-up would go past it.
Status CheckTree(const IndexFooterLayout& footer, const BlockFn& block, const KeyVisitor& visit);

}  // namespace granary::storage
