#include "granary/testing/seed.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "granary/base/check.h"
#include "granary/io/clock.h"

namespace granary::testing {
namespace {

std::uint64_t Parse(const char* name, std::string_view text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  GRANARY_CHECK(error == std::errc() && end == text.data() + text.size(), "{}={}", name, text);
  return seed;
}

}  // namespace

std::uint64_t SeedFromEnvironment(const char* name) {
  const char* text = std::getenv(name);
  const std::uint64_t seed = text != nullptr ? Parse(name, text) : io::SystemRandom().Next64();
  std::printf("%s=%llu\n", name, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

}  // namespace granary::testing
