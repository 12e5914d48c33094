// Little-endian bytes: appending to a string, and reading back with every length checked.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace granary {

static_assert(std::endian::native == std::endian::little, "file formats are little-endian");

template <typename Int>
requires std::integral<Int> || std::floating_point<Int>
void PutFixed(std::string& out, Int value) {
  char bytes[sizeof(Int)];
  std::memcpy(bytes, &value, sizeof(Int));
  out.append(bytes, sizeof(Int));
}

/// A 32-bit length, then the bytes.
void PutString(std::string& out, std::string_view bytes);

/// Reads what Put* wrote. After the first short read every call returns a zero value and ok() stays
/// false, so a decoder checks once at its end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <typename Int>
  requires std::integral<Int> || std::floating_point<Int> Int Fixed() {
    Int value{};
    if (!Need(sizeof(Int))) return value;
    std::memcpy(&value, rest_.data(), sizeof(Int));
    rest_.remove_prefix(sizeof(Int));
    return value;
  }
  std::string_view String();             ///< Points into the input.
  std::string_view Take(std::size_t n);  ///< The next `n` bytes.

  bool ok() const { return ok_; }
  std::size_t remaining() const { return rest_.size(); }

 private:
  bool Need(std::size_t n);

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace granary
