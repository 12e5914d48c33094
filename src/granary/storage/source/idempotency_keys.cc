#include "granary/storage/source/idempotency_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "granary/base/check.h"

namespace granary::storage {
namespace {

// A cancelled token wakes nobody, so a waiter looks by itself.
constexpr auto kLookEvery = std::chrono::milliseconds(10);

}  // namespace

Status KeyWasReused(const std::string& key) {
  return {Code::kIdempotencyKeyReused,
          fmt::format("the idempotency key '{}' came before, with another body; every write needs "
                      "a key of its own",
                      key)};
}

IdempotencyKeys::IdempotencyKeys(IdempotencyOptions options, const io::Clock& clock,
                                 std::vector<KeyRecord> saved)
    : options_(options), clock_(clock) {
  for (KeyRecord& record : saved) Insert({std::move(record), true});
  DropOld();
}

bool IdempotencyKeys::Expired(const KeyRecord& record) const {
  return clock_.WallMicros() - record.written_us >= options_.retention_us;
}

// mutex_ is held here and below.
const KeyRecord* IdempotencyKeys::Find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  if (!Expired(found->second->record)) return &found->second->record;
  Erase(found->second);
  return nullptr;
}

void IdempotencyKeys::Insert(Kept kept) {
  if (const auto old = by_key_.find(kept.record.key); old != by_key_.end()) Erase(old->second);
  kept_.push_back(std::move(kept));
  const Place place = std::prev(kept_.end());
  by_key_.emplace(place->record.key, place);
}

void IdempotencyKeys::Erase(Place place) {
  by_key_.erase(place->record.key);
  if (place->saved) forgotten_.push_back(std::move(place->record));
  kept_.erase(place);
}

void IdempotencyKeys::DropOld() {
  while (!kept_.empty()) {
    const bool expired = Expired(kept_.front().record);
    if (!expired && kept_.size() <= options_.keys_max) return;
    if (!expired) ++evicted_;
    Erase(kept_.begin());
  }
}

Result<KeyTurn> IdempotencyKeys::Take(const WriteKey& key, const runtime::CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (const KeyRecord* first = Find(key.key)) {
      if (!key.body || first->body == *key.body) return KeyTurn(key, *first);
      return KeyWasReused(key.key);
    }
    if (taken_.insert(key.key).second) return KeyTurn(key, *this);
    GRANARY_TRY(cancel.Check().At("while another write with the same key was on its way"));
    ended_.wait_for(lock, kLookEvery);
  }
}

void IdempotencyKeys::GiveUp(const std::string& key) {
  const std::lock_guard lock(mutex_);
  taken_.erase(key);
  ended_.notify_all();
}

Result<std::optional<KeyRecord>> IdempotencyKeys::FirstOf(const KeyTurn& turn) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(turn.key().key);
  if (found == by_key_.end()) return std::optional<KeyRecord>();
  const KeyRecord& record = found->second->record;
  if (record.body != turn.key().body) return KeyWasReused(record.key);
  return std::optional(record);
}

void IdempotencyKeys::Remember(const KeyTurn& turn, KeyRecord record) {
  const std::lock_guard lock(mutex_);
  record.key = turn.key().key;
  GRANARY_CHECK(turn.key().body.has_value(), "the body of key '{}' was never said", record.key);
  record.body = *turn.key().body;
  record.note = turn.note();
  Insert({std::move(record), false});
  DropOld();
}

void IdempotencyKeys::Forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) Erase(found->second);
}

void IdempotencyKeys::Restore(KeyRecord record) {
  const std::lock_guard lock(mutex_);
  Insert({std::move(record), false});
  DropOld();
}

KeyChanges IdempotencyKeys::ChangesUpTo(std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  KeyChanges changes{.added = {}, .forgotten = forgotten_};
  for (const Kept& kept : kept_) {
    if (!kept.saved && kept.record.last_sequence() <= sequence)
      changes.added.push_back(kept.record);
  }
  return changes;
}

KeyChanges IdempotencyKeys::ChangesOf(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  KeyChanges changes{.added = {}, .forgotten = forgotten_};
  if (const auto found = by_key_.find(key); found != by_key_.end())
    changes.added.push_back(found->second->record);
  return changes;
}

void IdempotencyKeys::Saved(const KeyChanges& changes) {
  const std::lock_guard lock(mutex_);
  // Later ones came behind; nobody else takes any away.
  forgotten_.erase(forgotten_.begin(),
                   forgotten_.begin() + static_cast<std::ptrdiff_t>(changes.forgotten.size()));
  for (const KeyRecord& record : changes.added) {
    const auto found = by_key_.find(record.key);
    if (found != by_key_.end() && found->second->record == record)
      found->second->saved = true;
    else
      forgotten_.push_back(record);  // It went while it was being saved.
  }
}

std::size_t IdempotencyKeys::size() const {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

std::uint64_t IdempotencyKeys::TakeEvicted() {
  const std::lock_guard lock(mutex_);
  return std::exchange(evicted_, 0);
}

}  // namespace granary::storage
