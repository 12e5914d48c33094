// What a fuzz target is made of: the functions that its driver calls, and FuzzInput, the bytes of
// one run.
//
// Drivers    libFuzzer (preset fuzz), and tests/fuzz/replay_main.cc in every other build.
// Checks     a target stops the process with GRANARY_CHECK when a promise is broken; a refusal
//            (Status) is a fine outcome of any input.
// Rules      a target keeps nothing from run to run that changes its outcome, reads no clock and
//            no file, and draws chance from its input alone: a finding must replay.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

extern "C" {
/// The target: looks at one input. Returns 0.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Optional: changes an input in place (it has room for `max_size` bytes) and returns its size. For
/// formats whose checksums would else let no changed input in.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed);

/// The driver's own changes: flips, cuts, inserts, copies, in place.
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
}

namespace granary::testing {

/// Takes what decides how the rest is used off the front; at the end it gives zeroes.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  template <typename Int>
  Int Fixed() {
    Int value{};
    const std::string_view bytes = Take(sizeof(Int));
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  /// `count` bytes, or as many as there are.
  std::string_view Take(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Changes an input by LLVMFuzzerMutate, then, but for one time in sixteen, lets `repair` make its
/// checksums right again.
inline std::size_t MutateAndRepair(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                   unsigned int seed,
                                   const std::function<void(std::string&)>& repair) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 16 == 0) return size;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  repair(bytes);
  size = std::min(bytes.size(), max_size);
  std::memcpy(data, bytes.data(), size);
  return size;
}

}  // namespace granary::testing
