// DistinctSketch: how many different values, within about 1.6 % (HyperLogLog, 4096 registers).
//
// Source     Flajolet et al., "HyperLogLog" (2007), with the estimator of Ertl, "New cardinality
//            estimation algorithms for HyperLogLog sketches" (2017), which needs no correction for
//            small counts.
// Threads    one writer; const from many.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::storage {

class DistinctSketch {
 public:
  static constexpr int kPrecision = 12;
  static constexpr std::size_t kRegisters = 1u << kPrecision;

  /// `hash` is of Hash64's quality, the same for equal values (value_hash.h).
  void Add(std::uint64_t hash) {
    constexpr std::uint64_t kGuard = std::uint64_t{1}
                                     << (kPrecision - 1);  // Ends the run of zeroes.
    std::uint8_t& held = registers_[hash >> (64 - kPrecision)];
    const int rank = std::countl_zero(hash << kPrecision | kGuard) + 1;
    if (rank > held) held = static_cast<std::uint8_t>(rank);
  }
  void Merge(const DistinctSketch& other);
  std::uint64_t Estimate() const;
  bool operator==(const DistinctSketch&) const = default;

  /// Run-length coded while that is small (23 bytes when empty), else six bits a register (3 KiB).
  std::string Encode() const;
  /// kCorruption for bytes that Encode does not make.
  static Result<DistinctSketch> Decode(std::string_view bytes);

 private:
  std::array<std::uint8_t, kRegisters> registers_{};
};

}  // namespace granary::storage
