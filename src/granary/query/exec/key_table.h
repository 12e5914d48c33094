// Key tables: keys to dense ids 0, 1, 2, … in the order in which the keys are first met; the hash
// tables under GROUP BY and COUNT DISTINCT.
//
// Shape      open addressing with linear probing, at most half full; keys are kept by id, so a
//            table is also the list of its keys.
// Why        a dense id is an index into the accumulators' arrays, and a vector of ids is computed
//            for a block of rows at a time.
// Threads    one writer; const from many.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"

namespace granary::query {

inline constexpr std::uint32_t kNoId = ~std::uint32_t{0};

/// What a table may take besides its keys, to find them sooner.
enum class KeyLookup : std::uint8_t {
  kFast,     ///< Some hundred kilobytes.
  kCompact,  ///< Nothing.
};

/// Keys that are found or moved between two looks at a token.
inline constexpr std::size_t kKeysAtOnce = 8192;

/// The memory of a vector, its free room included.
template <typename T>
std::uint64_t BytesOf(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}

/// Keys of 64 bits.
class IntKeyTable {
 public:
  explicit IntKeyTable(KeyLookup lookup = KeyLookup::kFast);
  std::uint32_t FindOrAdd(std::uint64_t key);
  /// ids[i] = FindOrAdd(keys[i]). Keys that lie close together are looked up in an array.
  void FindOrAdd(const std::uint64_t* keys, std::int64_t count, std::uint32_t* ids);
  /// Of a large table: so that the next `more` keys find room, whoever cancels does not wait for
  /// what there is to be moved. FindOrAdd makes room itself where nobody did.
  Status MakeRoom(std::size_t more, const runtime::CancelToken& cancel);

  std::size_t size() const { return keys_.size(); }
  std::uint64_t key(std::uint32_t id) const { return keys_[id]; }
  std::uint64_t bytes() const { return BytesOf(slots_) + BytesOf(keys_) + BytesOf(window_); }

 private:
  void Grow();
  bool UseWindow(const std::uint64_t* keys, std::int64_t count);

  KeyLookup lookup_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint64_t> keys_;
  std::uint64_t window_first_ =
      0;  ///< ids of keys in [window_first_, + window_.size()), as far as met.
  std::vector<std::uint32_t> window_;
};

/// Keys that are byte strings.
class BytesKeyTable {
 public:
  BytesKeyTable();
  std::uint32_t FindOrAdd(std::string_view key);
  Status MakeRoom(std::size_t more, const runtime::CancelToken& cancel);

  std::size_t size() const { return ends_.size(); }
  std::string_view key(std::uint32_t id) const;
  std::uint64_t bytes() const {
    return BytesOf(slots_) + BytesOf(hashes_) + BytesOf(ends_) + bytes_.capacity();
  }

 private:
  struct Slot {
    std::uint32_t id = kNoId;
    std::uint32_t hash = 0;
  };
  void Grow();

  std::vector<Slot> slots_;
  std::vector<std::uint64_t> hashes_;  ///< By id.
  std::vector<std::uint64_t> ends_;    ///< By id: where its bytes end in bytes_.
  std::string bytes_;
};

}  // namespace granary::query
