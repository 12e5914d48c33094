// KeyColumn: the distinct values of one column (null among them), numbered in the order they are
// met.
//
// Equal      -0.0 and 0.0 are one value, all NaNs are one, null is one.
// Threads    one writer; const from many.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/query/exec/key_table.h"
#include "granary/query/exec/value_block.h"

namespace granary::query {

class KeyColumn {
 public:
  explicit KeyColumn(DataType type, KeyLookup lookup = KeyLookup::kFast);

  /// ids[i] = the number of the block's i-th value. Blocks are of the column's type.
  void Number(const ValueBlock& block, std::vector<std::uint32_t>& ids);
  /// Adds another column's values: remap[its number] = the number here. Looks at `cancel` now and
  /// then.
  Status Merge(const KeyColumn& other, std::vector<std::uint32_t>& remap,
               const runtime::CancelToken& cancel);
  /// See IntKeyTable.
  Status MakeRoom(std::size_t more, const runtime::CancelToken& cancel) {
    return HasIntKeys() ? ints_.MakeRoom(more, cancel) : bytes_.MakeRoom(more, cancel);
  }

  std::size_t size() const;
  const DataType& type() const { return type_; }
  std::uint32_t null_id() const { return null_id_; }  ///< kNoId when no null was met.
  Value ValueOf(std::uint32_t id) const;
  std::uint64_t bytes() const {
    return ints_.bytes() + bytes_.bytes() + BytesOf(key_buffer_) + BytesOf(number_of_code_);
  }

 private:
  bool HasIntKeys() const { return kind_ != ValueKind::kInt128 && kind_ != ValueKind::kBytes; }
  void NumberInts(const ValueBlock& block, std::vector<std::uint32_t>& ids);
  void NumberBytes(const ValueBlock& block, std::vector<std::uint32_t>& ids);
  void NumberCodes(const ValueBlock& block, std::vector<std::uint32_t>& ids);
  bool UseCodes(const ValueBlock& block);
  std::uint32_t NullId();
  /// A null takes a number among the others: numbers after it are one higher than their key's.
  std::uint32_t IdOfKey(std::uint32_t key) const { return key + (key >= null_id_ ? 1u : 0u); }
  std::uint32_t KeyOfId(std::uint32_t id) const { return id - (id > null_id_ ? 1u : 0u); }
  std::size_t keys() const { return HasIntKeys() ? ints_.size() : bytes_.size(); }

  DataType type_;
  ValueKind kind_;
  std::uint32_t null_id_ = kNoId;
  IntKeyTable ints_;
  BytesKeyTable bytes_;
  std::vector<std::uint64_t> key_buffer_;
  KeyLookup lookup_;
  /// Of the dictionary that came last, which the blocks of a row group share; kNoId: not met yet.
  std::vector<std::uint32_t> number_of_code_;
  std::shared_ptr<arrow::ArrayData> dictionary_;  ///< Kept, so that no other has its address.
};

}  // namespace granary::query
