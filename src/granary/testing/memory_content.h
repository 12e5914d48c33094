// The bytes of one file in memory: as written, and as a disk without power would have them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/testing/fake_random.h"

namespace granary::testing {

class MemoryContent {
 public:
  void Write(std::uint64_t offset, std::string_view bytes);
  void Resize(std::uint64_t bytes);  ///< Cuts, or grows with zeroes.
  void Sync();

  /// Power cut: only what was synced is left.
  void LoseUnsynced();
  /// Power cut: of each unsynced change, `random` decides whether it is left whole, not at all,
  /// only as a length (of zeroes), or as some of its 512-byte sectors. The disk kept no order.
  void LoseSome(FakeRandom& random);

  /// Bit rot: changes the byte on the disk too. False when there is no such byte.
  bool FlipBits(std::uint64_t offset, std::uint8_t mask);

  std::size_t Read(std::uint64_t offset, std::span<char> out) const;
  std::uint64_t size() const { return now_.size(); }

 private:
  struct Change {
    bool is_resize = false;
    std::uint64_t at = 0;  // Where it was written; of a resize, the new length.
    std::string bytes;
  };

  static void Apply(const Change& change, std::string& content);
  static void ApplySome(const Change& change, FakeRandom& random, std::string& content);

  std::string now_;
  std::string durable_;
  std::vector<Change> unsynced_;  // Turns durable_ into now_.
};

}  // namespace granary::testing
