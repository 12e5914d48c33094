#include "granary/security/password_hash.h"

#include <argon2.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "granary/base/check.h"

namespace granary::security {
namespace {

constexpr std::size_t kEncodedBytesMax = 256;

/// Takes "m=65536" and what ends it off the front of `text`.
bool TakeNumber(std::string_view& text, std::string_view name, char end, std::uint32_t& out) {
  if (!text.starts_with(name)) return false;
  text.remove_prefix(name.size());
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const auto digits = static_cast<std::size_t>(stop - text.data());
  if (error != std::errc() || digits == text.size() || *stop != end) return false;
  text.remove_prefix(digits + 1);
  return true;
}

}  // namespace

std::optional<PasswordCost> CostOf(std::string_view encoded) {
  constexpr std::string_view kStart = "$argon2id$v=19$";
  if (encoded.size() > kEncodedBytesMax || !encoded.starts_with(kStart)) return std::nullopt;
  std::string_view rest = encoded.substr(kStart.size());
  PasswordCost cost;
  if (!TakeNumber(rest, "m=", ',', cost.memory_kib) || !TakeNumber(rest, "t=", ',', cost.passes) ||
      !TakeNumber(rest, "p=", '$', cost.lanes)) {
    return std::nullopt;
  }
  const bool sane = cost.memory_kib <= kPasswordMemoryMaxKib && cost.passes >= 1 &&
                    cost.passes <= kPasswordPassesMax && cost.lanes >= 1 &&
                    cost.lanes <= kPasswordLanesMax && rest.find('$') != std::string_view::npos;
  return sane ? std::optional(cost) : std::nullopt;
}

bool IsOutdated(std::string_view encoded, const PasswordCost& now) {
  const auto cost = CostOf(encoded);
  return !cost || cost->memory_kib < now.memory_kib || cost->passes < now.passes ||
         cost->lanes < now.lanes;
}

Result<std::string> HashPassword(std::string_view password, std::string_view salt,
                                 const PasswordCost& cost) {
  GRANARY_CHECK(salt.size() == kPasswordSaltBytes, "salt of {} bytes", salt.size());
  std::array<char, kEncodedBytesMax> encoded{};
  const int result = argon2id_hash_encoded(
      cost.passes, cost.memory_kib, cost.lanes, password.data(), password.size(), salt.data(),
      salt.size(), kPasswordHashBytes, encoded.data(), encoded.size());
  if (result != ARGON2_OK)
    return Status::Internal(fmt::format("Argon2id: {}", argon2_error_message(result)));
  return std::string(encoded.data());
}

Result<bool> IsPassword(std::string_view encoded, std::string_view password) {
  if (!CostOf(encoded)) return Status::Corruption("a stored password is no Argon2id hash");
  const int result =
      argon2id_verify(std::string(encoded).c_str(), password.data(), password.size());
  if (result == ARGON2_OK) return true;
  if (result == ARGON2_VERIFY_MISMATCH) return false;
  if (result == ARGON2_MEMORY_ALLOCATION_ERROR)
    return Status::Internal("Argon2id: no memory to check a password");
  return Status::Corruption(
      fmt::format("a stored password is no Argon2id hash: {}", argon2_error_message(result)));
}

}  // namespace granary::security
