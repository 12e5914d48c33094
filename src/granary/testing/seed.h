// The seed of a random test: printed, so that a failure can be run again.
#pragma once

#include <cstdint>

namespace granary::testing {

/// The number in the environment variable `name`, else a fresh one; prints "GRANARY_SEED=123" to
/// stdout. Stops the process when the variable is not a number: a typo would hide the failure.
std::uint64_t SeedFromEnvironment(const char* name = "GRANARY_SEED");

}  // namespace granary::testing
