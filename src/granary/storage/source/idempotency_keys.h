// IdempotencyKeys: the idempotency keys of one source: which are taken, and what their writes
// answered.
//
// Promise    of several writes with one key one at a time has its turn; the others wait and are
//            given what it answered, or the turn when it failed. Failures are not remembered.
// Kept       a key for `retention_us` after its write, by the wall clock, and at most `keys_max` of
//            them: past that the oldest go first, because a client that floods a source must not
//            stop it.
// Saved      a remembered key is in the frame of its write, and moves into the manifest with the
//            flush that lets go of the frame: ChangesUpTo, commit, Saved. One such save at a time.
// Threads    fully safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/runtime/cancel.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/source/write_key.h"

namespace granary::storage {

struct IdempotencyOptions {
  std::int64_t retention_us = 0;
  std::size_t keys_max = 0;
};

class IdempotencyKeys final : public KeyOwner {
 public:
  /// `saved` as the manifest has them, oldest first. `clock` outlives this.
  IdempotencyKeys(IdempotencyOptions options, const io::Clock& clock, std::vector<KeyRecord> saved);

  /// kIdempotencyKeyReused when the key was used with another body; kCancelled and
  /// kDeadlineExceeded by `cancel` while waiting.
  Result<KeyTurn> Take(const WriteKey& key, const runtime::CancelToken& cancel);

  /// What a replay has brought back for the turn's key since it was taken. kIdempotencyKeyReused
  /// when that was another body.
  Result<std::optional<KeyRecord>> FirstOf(const KeyTurn& turn) const;
  /// Ends the turn: from now on the key answers `record`.
  void Remember(const KeyTurn& turn, KeyRecord record);
  /// Takes a Remember back: the write did not become visible.
  void Forget(const std::string& key);
  /// A key that a replayed frame carries.
  void Restore(KeyRecord record);

  /// What the manifest lacks of keys whose records end at `sequence` or before.
  KeyChanges ChangesUpTo(std::uint64_t sequence) const;
  /// The same of one key alone, whatever its records.
  KeyChanges ChangesOf(const std::string& key) const;
  /// `changes` are in the manifest.
  void Saved(const KeyChanges& changes);

  std::size_t size() const;
  /// Keys that went before their time since the last call, to make room.
  std::uint64_t TakeEvicted();

 private:
  struct Kept {
    KeyRecord record;
    bool saved = false;
  };
  using Place = std::list<Kept>::iterator;

  void GiveUp(const std::string& key) override;
  bool Expired(const KeyRecord& record) const;
  const KeyRecord* Find(const std::string& key);
  void Insert(Kept kept);
  void Erase(Place place);
  void DropOld();

  const IdempotencyOptions options_;
  const io::Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable ended_;  // Some turn.
  std::unordered_set<std::string> taken_;
  std::list<Kept> kept_;  // In the order in which they were remembered.
  std::unordered_map<std::string_view, Place> by_key_;  // Views into kept_.
  std::vector<KeyRecord> forgotten_;                    // Saved, and gone from kept_.
  std::uint64_t evicted_ = 0;
};

}  // namespace granary::storage
