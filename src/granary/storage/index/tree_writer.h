// TreeWriter: a tree of sorted keys, written from the leaves up.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/index/index_file_writer.h"

namespace granary::storage {

class TreeWriter {
 public:
  explicit TreeWriter(IndexFileWriter& out) : out_(out) {}

  /// A row's key; keys ascend, and rows within a key.
  Status Add(std::string_view key, std::uint32_t row);
  /// Writes what is left and the levels above; fills in what the footer says of the tree.
  Status Finish(IndexFooterLayout& footer);

 private:
  struct Child {
    std::string first_key;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  Status EndEntry();
  Status EndBlock(BlockBuilder& block, std::vector<Child>& level);

  IndexFileWriter& out_;
  BlockBuilder leaf_;
  std::vector<Child> leaves_;
  std::string key_;
  std::vector<std::uint32_t> rows_;
  std::uint64_t entries_ = 0;
  std::uint64_t keys_ = 0;
};

}  // namespace granary::storage
