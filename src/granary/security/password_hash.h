// PasswordHash: passwords as Argon2id makes them costly to guess.
//
//   $argon2id$v=19$m=65536,t=3,p=1$<salt>$<hash>   the encoded form: parameters and salt are in it
//
// Promise    a hash made with other parameters goes on working; IsOutdated() says that it should
//            be made anew at the next login. Comparing takes as long for any wrong password.
// Memory     each call takes `memory_kib` while it runs: hash_gate.h bounds how many run.
// Source     RFC 9106, by libargon2. The default cost is its second recommendation with one lane.
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::security {

struct PasswordCost {
  std::uint32_t memory_kib = 64u << 10;
  std::uint32_t passes = 3;
  std::uint32_t lanes = 1;
  bool operator==(const PasswordCost&) const = default;
};

inline constexpr std::size_t kPasswordSaltBytes = 16;
inline constexpr std::size_t kPasswordHashBytes = 32;
inline constexpr std::size_t kPasswordBytesMax = 512;
/// A stored hash that asks for more was not written by us: nothing is computed from it.
inline constexpr std::uint32_t kPasswordMemoryMaxKib = 1u << 20;
inline constexpr std::uint32_t kPasswordPassesMax = 64;
inline constexpr std::uint32_t kPasswordLanesMax = 16;

/// Nothing unless it is an encoded hash within the limits above.
std::optional<PasswordCost> CostOf(std::string_view encoded);

/// True when a login with it should replace it: it costs less than `now` in any respect.
bool IsOutdated(std::string_view encoded, const PasswordCost& now);

/// `salt` has kPasswordSaltBytes random bytes. kInternal when memory runs out.
Result<std::string> HashPassword(std::string_view password, std::string_view salt,
                                 const PasswordCost& cost);

/// True when `encoded` was made of `password`. kCorruption when it is no encoded hash.
Result<bool> IsPassword(std::string_view encoded, std::string_view password);

}  // namespace granary::security
