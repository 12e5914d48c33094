#include "granary/query/exec/key_column.h"

#include <arrow/array.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace granary::query {
namespace {

constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

/// Codes whose numbers are kept, though a block may have fewer rows: the dictionary of a whole row
/// group is hashed once, not once a block.
constexpr std::int64_t kCodesMax = 1 << 18;

/// Numbers that lie close together have keys that lie close together, also around zero.
std::uint64_t KeyOf(std::int64_t value) { return static_cast<std::uint64_t>(value) ^ kSignBit; }

std::uint64_t KeyOf(double value) {
  if (value == 0) return 0;
  if (value != value) return std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN());
  return std::bit_cast<std::uint64_t>(value);
}

std::string_view BytesOf(const Int128& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

KeyColumn::KeyColumn(DataType type, KeyLookup lookup)
    : type_(std::move(type)), kind_(ValueKindOf(type_)), ints_(lookup), lookup_(lookup) {}

std::size_t KeyColumn::size() const { return keys() + (null_id_ == kNoId ? 0 : 1); }

std::uint32_t KeyColumn::NullId() {
  if (null_id_ == kNoId) null_id_ = static_cast<std::uint32_t>(keys());
  return null_id_;
}

void KeyColumn::Number(const ValueBlock& block, std::vector<std::uint32_t>& ids) {
  ids.resize(static_cast<std::size_t>(block.size()));
  if (HasIntKeys()) return NumberInts(block, ids);
  if (UseCodes(block)) return NumberCodes(block, ids);
  NumberBytes(block, ids);
}

bool KeyColumn::UseCodes(const ValueBlock& block) {
  if (block.codes() == nullptr) return false;
  if (block.dictionary()->data() == dictionary_) return true;
  const std::int64_t codes = block.dictionary()->length();
  const std::int64_t most =
      lookup_ == KeyLookup::kFast ? std::max(kCodesMax, block.size()) : block.size();
  if (codes > most) return false;
  dictionary_ = block.dictionary()->data();
  number_of_code_.assign(static_cast<std::size_t>(codes), kNoId);
  return true;
}

void KeyColumn::NumberInts(const ValueBlock& block, std::vector<std::uint32_t>& ids) {
  const auto rows = static_cast<std::size_t>(block.size());
  key_buffer_.resize(rows);
  const std::uint64_t* keys = key_buffer_.data();
  if (kind_ == ValueKind::kInt64) {
    for (std::size_t i = 0; i < rows; ++i) key_buffer_[i] = KeyOf(block.ints()[i]);
  } else if (kind_ == ValueKind::kDouble) {
    for (std::size_t i = 0; i < rows; ++i) key_buffer_[i] = KeyOf(block.doubles()[i]);
  } else {
    keys = block.naturals();
  }
  if (block.valid() == nullptr) {
    ints_.FindOrAdd(keys, block.size(), ids.data());
    if (null_id_ == kNoId) return;
    for (std::uint32_t& id : ids) id = IdOfKey(id);
    return;
  }
  for (std::size_t i = 0; i < rows; ++i) {
    ids[i] = block.valid()[i] != 0 ? IdOfKey(ints_.FindOrAdd(keys[i])) : NullId();
  }
}

void KeyColumn::NumberBytes(const ValueBlock& block, std::vector<std::uint32_t>& ids) {
  for (std::int64_t i = 0; i < block.size(); ++i) {
    std::uint32_t& id = ids[static_cast<std::size_t>(i)];
    if (!block.IsValid(i)) {
      id = NullId();
    } else if (kind_ == ValueKind::kInt128) {
      id = IdOfKey(bytes_.FindOrAdd(BytesOf(block.decimals()[i])));
    } else {
      id = IdOfKey(bytes_.FindOrAdd(block.bytes(i)));
    }
  }
}

void KeyColumn::NumberCodes(const ValueBlock& block, std::vector<std::uint32_t>& ids) {
  for (std::int64_t i = 0; i < block.size(); ++i) {
    std::uint32_t& id = ids[static_cast<std::size_t>(i)];
    if (!block.IsValid(i)) {
      id = NullId();
      continue;
    }
    std::uint32_t& known = number_of_code_[static_cast<std::size_t>(block.codes()[i])];
    if (known == kNoId) known = IdOfKey(bytes_.FindOrAdd(block.bytes(i)));
    id = known;
  }
}

Status KeyColumn::Merge(const KeyColumn& other, std::vector<std::uint32_t>& remap,
                        const runtime::CancelToken& cancel) {
  remap.resize(other.size());
  for (std::uint32_t id = 0; id < remap.size(); ++id) {
    if (id % kKeysAtOnce == 0) {
      GRANARY_TRY(cancel.Check());
      GRANARY_TRY(MakeRoom(kKeysAtOnce, cancel));
    }
    if (id == other.null_id_) {
      remap[id] = NullId();
      continue;
    }
    const std::uint32_t key = other.KeyOfId(id);
    remap[id] = IdOfKey(HasIntKeys() ? ints_.FindOrAdd(other.ints_.key(key))
                                     : bytes_.FindOrAdd(other.bytes_.key(key)));
  }
  return Status::Ok();
}

Value KeyColumn::ValueOf(std::uint32_t id) const {
  if (id == null_id_) return {};
  const std::uint32_t key = KeyOfId(id);
  switch (kind_) {
    case ValueKind::kInt64:
      return IntValue(type_, static_cast<std::int64_t>(ints_.key(key) ^ kSignBit));
    case ValueKind::kUInt64: return ints_.key(key);
    case ValueKind::kDouble: return std::bit_cast<double>(ints_.key(key));
    case ValueKind::kBytes: return std::string(bytes_.key(key));
    case ValueKind::kInt128: break;
  }
  Int128 value;
  std::memcpy(&value, bytes_.key(key).data(), sizeof value);
  return value;
}

}  // namespace granary::query
