// WalDamage: bytes of a log that had been synced and do not read back.
#pragma once

#include <cstdint>
#include <string>

namespace granary::storage {

struct WalDamage {
  std::string file;
  std::uint64_t offset = 0;
  std::string
      detail;  ///< What was expected, how far it reaches and, where known, whose records are lost.
  bool operator==(const WalDamage&) const = default;
};

}  // namespace granary::storage
