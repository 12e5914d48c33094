#include "granary/query/exec/group_table.h"

#include <bit>

namespace granary::query {
namespace {

constexpr std::size_t kMatrixMax = 1 << 16;

}  // namespace

void PairTable::Combine(const std::vector<std::uint32_t>& right, std::size_t left_size,
                        std::size_t right_size, std::vector<std::uint32_t>& left) {
  const std::size_t stride = std::bit_ceil(right_size);
  if (lookup_ == KeyLookup::kCompact || left_size * stride > kMatrixMax) {
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = FindOrAdd(left[i], right[i]);
    return;
  }
  if (stride != stride_ || left_size * stride > matrix_.size()) {
    stride_ = stride;
    matrix_.assign(std::bit_ceil(left_size) * stride, kNoId);
  }
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::uint32_t& known = matrix_[left[i] * stride + right[i]];
    if (known == kNoId) known = FindOrAdd(left[i], right[i]);
    left[i] = known;
  }
}

GroupTable::GroupTable(const std::vector<DataType>& types, KeyLookup lookup) {
  for (const DataType& type : types) columns_.emplace_back(type, lookup);
  if (columns_.size() > 1) pairs_.resize(columns_.size() - 1, PairTable(lookup));
}

void GroupTable::Assign(const std::vector<ValueBlock>& blocks, std::vector<std::uint32_t>& groups) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i == 0) {
      columns_[0].Number(blocks[0], groups);
      continue;
    }
    const std::size_t left_size = i == 1 ? columns_[0].size() : pairs_[i - 2].size();
    columns_[i].Number(blocks[i], ids_);
    pairs_[i - 1].Combine(ids_, left_size, columns_[i].size(), groups);
  }
}

Status GroupTable::MakeRoom(std::size_t more, const runtime::CancelToken& cancel) {
  for (KeyColumn& column : columns_) GRANARY_TRY(column.MakeRoom(more, cancel));
  for (PairTable& pairs : pairs_) GRANARY_TRY(pairs.MakeRoom(more, cancel));
  return Status::Ok();
}

Status GroupTable::Merge(const GroupTable& other, std::vector<std::uint32_t>& group_of,
                         const runtime::CancelToken& cancel) {
  if (columns_.empty()) {
    group_of.assign(1, 0);
    return Status::Ok();
  }
  GRANARY_TRY(columns_[0].Merge(other.columns_[0], group_of, cancel));
  std::vector<std::uint32_t> joined;
  for (std::size_t i = 1; i < columns_.size(); ++i) {
    GRANARY_TRY(columns_[i].Merge(other.columns_[i], ids_, cancel));
    const PairTable& from = other.pairs_[i - 1];
    joined.resize(from.size());
    for (std::uint32_t pair = 0; pair < joined.size(); ++pair) {
      if (pair % kKeysAtOnce == 0) {
        GRANARY_TRY(cancel.Check());
        GRANARY_TRY(pairs_[i - 1].MakeRoom(kKeysAtOnce, cancel));
      }
      joined[pair] = pairs_[i - 1].FindOrAdd(group_of[from.left(pair)], ids_[from.right(pair)]);
    }
    group_of.swap(joined);
  }
  return Status::Ok();
}

std::uint64_t GroupTable::bytes() const {
  std::uint64_t bytes = BytesOf(ids_);
  for (const KeyColumn& column : columns_) bytes += column.bytes();
  for (const PairTable& pairs : pairs_) bytes += pairs.bytes();
  return bytes;
}

std::size_t GroupTable::size() const {
  if (columns_.empty()) return 1;
  return pairs_.empty() ? columns_[0].size() : pairs_.back().size();
}

Value GroupTable::ValueOf(std::size_t column, std::uint32_t group) const {
  std::uint32_t id = group;
  for (std::size_t i = columns_.size() - 1; i > column; --i) id = pairs_[i - 1].left(id);
  if (column > 0) id = pairs_[column - 1].right(id);
  return columns_[column].ValueOf(id);
}

}  // namespace granary::query
