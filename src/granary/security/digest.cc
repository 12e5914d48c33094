#include "granary/security/digest.h"

#include <openssl/evp.h>

#include <cstdint>

#include "granary/base/check.h"

namespace granary::security {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

std::string Sha256(std::string_view bytes) {
  std::string out(kDigestBytes, '\0');
  unsigned int size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
                 EVP_sha256(), nullptr);
  GRANARY_CHECK(done == 1 && size == kDigestBytes, "SHA-256 gave {} bytes", size);
  return out;
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out.push_back(kHexDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kHexDigits[c & 15]);
  }
  return out;
}

std::string RandomBytes(io::Random& random, std::size_t count) {
  std::string out;
  out.reserve(count + 7);
  while (out.size() < count) {
    std::uint64_t bits = random.Next64();
    for (int i = 0; i < 8; ++i, bits >>= 8) out.push_back(static_cast<char>(bits & 0xff));
  }
  out.resize(count);
  return out;
}

std::string RandomText(io::Random& random, std::size_t count) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  // The highest multiple of 62 in a byte: what lies above would favour the first letters.
  constexpr unsigned kFair = 256 / kLetters.size() * kLetters.size();
  std::string out;
  while (out.size() < count) {
    for (const char c : RandomBytes(random, count)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < kFair && out.size() < count) out.push_back(kLetters[byte % kLetters.size()]);
    }
  }
  return out;
}

std::string RandomName(io::Random& random, std::size_t count) {
  std::string out;
  for (const char c : RandomBytes(random, count)) out.push_back(kHexDigits[c & 15]);
  return out;
}

}  // namespace granary::security
