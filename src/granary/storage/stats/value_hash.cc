#include "granary/storage/stats/value_hash.h"

#include <type_traits>
#include <variant>

namespace granary::storage {

std::uint64_t HashValue(const Value& value) {
  return std::visit(
      [](const auto& held) -> std::uint64_t {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return 0;
        } else if constexpr (std::is_same_v<T, std::string>) {
          return HashBytes(held);
        } else if constexpr (std::is_same_v<T, double>) {
          return HashDouble(held);
        } else if constexpr (std::is_same_v<T, Int128>) {
          return HashInt128(held);
        } else {
          return HashInteger(static_cast<std::uint64_t>(held));
        }
      },
      value);
}

}  // namespace granary::storage
