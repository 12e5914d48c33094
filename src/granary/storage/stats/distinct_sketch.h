// DistinctSketch: how many different values, within about 1.6 % (HyperLogLog, 4096 registers).
//
// Source     Flajolet et al., "HyperLogLog" (2007); small counts by linear counting.
// Threads    one writer; const from many.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::storage {

class DistinctSketch {
 public:
  static constexpr int kPrecision = 12;

  void Add(std::uint64_t hash);
  void Merge(const DistinctSketch& other);
  std::uint64_t Estimate() const;

  std::string Encode() const;  ///< Run-length coded: small for small counts.
  static Result<DistinctSketch> Decode(std::string_view bytes);

 private:
  std::array<std::uint8_t, 1u << kPrecision> registers_{};
};

}  // namespace granary::storage
