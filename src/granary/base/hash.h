// Fast hashes (XXH3), of 64 and 128 bits. Their values are the same in every release and on every
// machine, so they may be written to disk. Not for secrets: whoever knows the seed can make
// collisions.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace granary {

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed = 0);

/// Wide enough that two different texts are taken for different ones.
struct Digest128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Digest128&) const = default;
};
Digest128 Hash128(std::string_view bytes, std::uint64_t seed = 0);

/// Hash128 of bytes that come piece by piece. One thread.
class Hasher128 {
 public:
  explicit Hasher128(std::uint64_t seed = 0);
  ~Hasher128();
  void Add(std::string_view bytes);
  /// Of what was added so far.
  Digest128 Get() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary
