// WriteKey and KeyTurn: an idempotency key on its way through a write.
//
// Use        Source::TakeKey before the records are parsed -> turn.first() answers a repetition ->
//            else Source::Write(…, &turn). A turn that ends without a write lets the next one in.
// Threads    one.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "granary/base/hash.h"
#include "granary/base/status.h"
#include "granary/storage/manifest/key_record.h"

namespace granary::storage {

/// Of the Idempotency-Key header.
inline constexpr std::size_t kWriteKeyMaxBytes = 255;

struct WriteKey {
  std::string key;  ///< 1 to kWriteKeyMaxBytes bytes.
  /// Of everything that a repetition repeats. Nothing while it is not known yet: then whoever has
  /// the turn says it before the write (set_body), and whoever gets an answer compares.
  std::optional<Digest128> body;
};

/// kIdempotencyKeyReused.
Status KeyWasReused(const std::string& key);

/// Who a turn is given back to.
class KeyOwner {
 public:
  virtual ~KeyOwner() = default;
  virtual void GiveUp(const std::string& key) = 0;
};

/// The right to write with a key, or the answer of whoever did. Must not outlive its source.
class KeyTurn {
 public:
  KeyTurn(WriteKey key, KeyRecord first) : key_(std::move(key)), first_(std::move(first)) {}
  KeyTurn(WriteKey key, KeyOwner& owner) : key_(std::move(key)), owner_(&owner) {}
  KeyTurn(KeyTurn&& other) noexcept
      : key_(std::move(other.key_)),
        first_(std::move(other.first_)),
        note_(std::move(other.note_)),
        owner_(std::exchange(other.owner_, nullptr)) {}
  KeyTurn& operator=(KeyTurn&&) = delete;
  ~KeyTurn() {
    if (owner_ != nullptr) owner_->GiveUp(key_.key);
  }

  const WriteKey& key() const { return key_; }
  /// What the first write answered; nothing when this is the first.
  const std::optional<KeyRecord>& first() const { return first_; }

  void set_body(Digest128 body) { key_.body = body; }

  /// What else the answer will say (KeyRecord::note). At most kKeyNoteMaxBytes.
  void set_note(std::string note) { note_ = std::move(note); }
  const std::string& note() const { return note_; }

 private:
  WriteKey key_;
  std::optional<KeyRecord> first_;
  std::string note_;
  KeyOwner* owner_ = nullptr;
};

}  // namespace granary::storage
