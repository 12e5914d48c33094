#include "granary/storage/index/tree_writer.h"

#include <utility>

namespace granary::storage {

Status TreeWriter::Add(std::string_view key, std::uint32_t row) {
  const bool is_new = keys_ == 0 || key != key_;
  if (is_new || rows_.size() == kEntryRowsMax) {
    GRANARY_TRY(EndEntry());
    key_ = key;
    keys_ += is_new;
  }
  rows_.push_back(row);
  ++entries_;
  return Status::Ok();
}

Status TreeWriter::EndEntry() {
  if (rows_.empty()) return Status::Ok();
  leaf_.AddRows(key_, rows_.data(), rows_.size());
  rows_.clear();
  return leaf_.bytes() < kIndexBlockBytes ? Status::Ok() : EndBlock(leaf_, leaves_);
}

Status TreeWriter::EndBlock(BlockBuilder& block, std::vector<Child>& level) {
  Child child{block.first_key(), out_.position(), 0};
  const std::string bytes = block.Take();
  child.bytes = bytes.size();
  GRANARY_TRY(out_.Append(bytes));
  level.push_back(std::move(child));
  return Status::Ok();
}

Status TreeWriter::Finish(IndexFooterLayout& footer) {
  GRANARY_TRY(EndEntry());
  if (!leaf_.empty()) GRANARY_TRY(EndBlock(leaf_, leaves_));
  footer.entries = entries_;
  footer.keys = keys_;
  footer.levels = leaves_.empty() ? 0 : 1;
  std::vector<Child> level = std::move(leaves_);
  while (level.size() > 1) {
    std::vector<Child> above;
    BlockBuilder block;
    for (const Child& child : level) {
      block.AddChild(child.first_key, child.offset, child.bytes);
      if (block.bytes() >= kIndexBlockBytes) GRANARY_TRY(EndBlock(block, above));
    }
    if (!block.empty()) GRANARY_TRY(EndBlock(block, above));
    level = std::move(above);
    ++footer.levels;
  }
  if (!level.empty()) {
    footer.root_offset = level.front().offset;
    footer.root_bytes = static_cast<std::uint32_t>(level.front().bytes);
  }
  return Status::Ok();
}

}  // namespace granary::storage
