// IndexBlock: a block of an index file in memory, checked: its payload and, of a tree's block,
// every few keys with where they stand, so that a look-up reads a few entries of it instead of
// half.
//
// Promise    Tree() takes only a payload whose every entry decodes, keys ascending.
// Threads    immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/index/index_format.h"

namespace granary::storage {

enum class BlockRole : std::uint8_t { kBits, kLeaf, kInner };

class IndexBlock {
 public:
  /// Of a bloom filter.
  static IndexBlock Bits(std::string payload);
  /// kCorruption when an entry does not decode, or stands before a key that is less.
  static Result<IndexBlock> Tree(std::string payload, BlockRole role);

  BlockRole role() const { return role_; }
  std::string_view payload() const { return payload_; }
  std::uint64_t bytes() const;

  /// At an entry whose key is below `low`, not far before those that are not; at the first entry
  /// when none is.
  BlockCursor Before(std::string_view low) const;
  BlockCursor First() const { return BlockCursor(payload_); }

 private:
  struct Stop {
    std::uint32_t rest;  ///< Where the entry goes on behind its key.
    std::uint32_t key_begin, key_end;
  };

  IndexBlock(std::string payload, BlockRole role) : role_(role), payload_(std::move(payload)) {}
  std::string_view KeyOf(const Stop& stop) const {
    return std::string_view(keys_).substr(stop.key_begin, stop.key_end - stop.key_begin);
  }

  BlockRole role_;
  std::string payload_;
  std::vector<Stop> stops_;
  std::string keys_;
};

}  // namespace granary::storage
