// A fast 64-bit hash (XXH3). Its values are the same in every release and on every machine, so they
// may be written to disk. Not for secrets: whoever knows the seed can make collisions.
#pragma once

#include <cstdint>
#include <string_view>

namespace granary {

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace granary
