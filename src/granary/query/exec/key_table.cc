#include "granary/query/exec/key_table.h"

#include <algorithm>

#include "granary/base/hash.h"

namespace granary::query {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::uint64_t kWindowMax = 1 << 16;
// Fewer are moved in a millisecond or two.
constexpr std::size_t kLargeTable = 1 << 16;

/// Would a table with so many keys grow before `more` are in?
bool OutgrowsSlots(std::size_t keys, std::size_t more, std::size_t slots) {
  return keys >= kLargeTable && (keys + more) * 2 > slots;
}

/// Finalizer of MurmurHash3: every bit of the key reaches every bit of the hash.
std::uint64_t Mix(std::uint64_t key) {
  key ^= key >> 33;
  key *= 0xFF51AFD7ED558CCDull;
  key ^= key >> 33;
  key *= 0xC4CEB9FE1A85EC53ull;
  return key ^ (key >> 33);
}

}  // namespace

IntKeyTable::IntKeyTable(KeyLookup lookup) : lookup_(lookup), slots_(kFirstSlots, kNoId) {}

std::uint32_t IntKeyTable::FindOrAdd(std::uint64_t key) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = Mix(key) & mask;
  while (slots_[at] != kNoId) {
    if (keys_[slots_[at]] == key) return slots_[at];
    at = (at + 1) & mask;
  }
  const auto id = static_cast<std::uint32_t>(keys_.size());
  slots_[at] = id;
  keys_.push_back(key);
  if (keys_.size() * 2 > slots_.size()) Grow();
  return id;
}

void IntKeyTable::Grow() {
  slots_.assign(slots_.size() * 4, kNoId);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t id = 0; id < keys_.size(); ++id) {
    std::size_t at = Mix(keys_[id]) & mask;
    while (slots_[at] != kNoId) at = (at + 1) & mask;
    slots_[at] = id;
  }
}

Status IntKeyTable::MakeRoom(std::size_t more, const runtime::CancelToken& cancel) {
  if (!OutgrowsSlots(keys_.size(), more, slots_.size())) return Status::Ok();
  std::vector<std::uint32_t> slots(slots_.size() * 4, kNoId);
  const std::size_t mask = slots.size() - 1;
  for (std::uint32_t id = 0; id < keys_.size(); ++id) {
    if (id % kKeysAtOnce == 0) GRANARY_TRY(cancel.Check());
    std::size_t at = Mix(keys_[id]) & mask;
    while (slots[at] != kNoId) at = (at + 1) & mask;
    slots[at] = id;
  }
  slots_ = std::move(slots);
  return Status::Ok();
}

bool IntKeyTable::UseWindow(const std::uint64_t* keys, std::int64_t count) {
  if (lookup_ == KeyLookup::kCompact) return false;
  std::uint64_t low = keys[0];
  std::uint64_t high = keys[0];
  for (std::int64_t i = 1; i < count; ++i) {
    low = std::min(low, keys[i]);
    high = std::max(high, keys[i]);
  }
  const bool covered = low >= window_first_ && high - window_first_ < window_.size();
  if (covered) return true;
  if (high - low >= kWindowMax || static_cast<std::int64_t>(high - low) > 8 * count) return false;
  // Some room on both sides: blocks of a growing or shuffled column move the window rarely.
  const std::uint64_t room = (kWindowMax - (high - low)) / 2;
  window_first_ = low - std::min(low, room);
  window_.assign(kWindowMax + 1, kNoId);
  return high - window_first_ < window_.size();
}

void IntKeyTable::FindOrAdd(const std::uint64_t* keys, std::int64_t count, std::uint32_t* ids) {
  if (count == 0) return;
  if (!UseWindow(keys, count)) {
    for (std::int64_t i = 0; i < count; ++i) ids[i] = FindOrAdd(keys[i]);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t& known = window_[keys[i] - window_first_];
    if (known == kNoId) known = FindOrAdd(keys[i]);
    ids[i] = known;
  }
}

BytesKeyTable::BytesKeyTable() : slots_(kFirstSlots) {}

std::string_view BytesKeyTable::key(std::uint32_t id) const {
  const std::uint64_t begin = id == 0 ? 0 : ends_[id - 1];
  return std::string_view(bytes_).substr(begin, ends_[id] - begin);
}

std::uint32_t BytesKeyTable::FindOrAdd(std::string_view key) {
  const std::uint64_t hash = Hash64(key);
  const auto check = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].id != kNoId) {
    if (slots_[at].hash == check && this->key(slots_[at].id) == key) return slots_[at].id;
    at = (at + 1) & mask;
  }
  const auto id = static_cast<std::uint32_t>(ends_.size());
  slots_[at] = {id, check};
  hashes_.push_back(hash);
  bytes_.append(key);
  ends_.push_back(bytes_.size());
  if (ends_.size() * 2 > slots_.size()) Grow();
  return id;
}

Status BytesKeyTable::MakeRoom(std::size_t more, const runtime::CancelToken& cancel) {
  if (!OutgrowsSlots(ends_.size(), more, slots_.size())) return Status::Ok();
  std::vector<Slot> slots(slots_.size() * 4);
  const std::size_t mask = slots.size() - 1;
  for (std::uint32_t id = 0; id < hashes_.size(); ++id) {
    if (id % kKeysAtOnce == 0) GRANARY_TRY(cancel.Check());
    std::size_t at = hashes_[id] & mask;
    while (slots[at].id != kNoId) at = (at + 1) & mask;
    slots[at] = {id, static_cast<std::uint32_t>(hashes_[id] >> 32)};
  }
  slots_ = std::move(slots);
  return Status::Ok();
}

void BytesKeyTable::Grow() {
  slots_.assign(slots_.size() * 4, Slot{});
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t id = 0; id < hashes_.size(); ++id) {
    std::size_t at = hashes_[id] & mask;
    while (slots_[at].id != kNoId) at = (at + 1) & mask;
    slots_[at] = {id, static_cast<std::uint32_t>(hashes_[id] >> 32)};
  }
}

}  // namespace granary::query
