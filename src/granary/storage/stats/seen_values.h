// SeenValues: the distinct values of a column as long as they are few.
//
// Cost       a look-up is a multiplication and a byte; one value more than kValueSetMax and the set
//            is given up for good. Memory is what the values take and 256 bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "granary/types/column_stats.h"

namespace granary::storage {

enum class Seen : std::uint8_t {
  kBefore,
  kFirstTime,
  kTooMany,  ///< From now on every answer.
};

template <typename T>
class SeenValues {
 public:
  /// `hash` of equal values is equal; its lowest bits count. NaN is found by being the same bits.
  template <typename View>
  Seen Insert(const View& value, std::uint64_t hash) {
    if (too_many_) return Seen::kTooMany;
    std::size_t slot = hash % kSlots;
    for (; slots_[slot] != 0; slot = (slot + 1) % kSlots) {
      if (Same(values_[slots_[slot] - 1], value)) return Seen::kBefore;
    }
    if (values_.size() == kValueSetMax) {
      GiveUp();
      return Seen::kTooMany;
    }
    values_.emplace_back(value);
    slots_[slot] = static_cast<std::uint8_t>(values_.size());
    return Seen::kFirstTime;
  }
  void GiveUp() { too_many_ = true; }

  bool too_many() const { return too_many_; }
  std::span<const T> values() const { return values_; }

 private:
  static constexpr std::size_t kSlots = 256;
  static_assert(kValueSetMax < kSlots, "there is always a free slot");

  template <typename View>
  static bool Same(const T& a, const View& b) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::memcmp(&a, &b, sizeof a) == 0;
    } else {
      return a == b;
    }
  }

  std::vector<T> values_;
  std::array<std::uint8_t, kSlots> slots_{};
  bool too_many_ = false;
};

}  // namespace granary::storage
