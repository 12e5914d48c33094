// What the kernel says about this process.
#pragma once

#include <cstdint>

namespace granary::hosting {

struct ProcessStats {
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t threads = 0;
};

/// Zero where /proc does not say.
ProcessStats ReadProcessStats();

/// The first of them alone, which is cheap to ask for.
std::uint64_t ReadResidentBytes();

/// Lets the process open as many files and connections as the hard limit allows.
void RaiseDescriptorLimit();

}  // namespace granary::hosting
