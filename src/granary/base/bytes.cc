#include "granary/base/bytes.h"

#include <limits>

#include "granary/base/check.h"

namespace granary {

void PutString(std::string& out, std::string_view bytes) {
  GRANARY_CHECK(bytes.size() <= std::numeric_limits<std::uint32_t>::max(), "size={}", bytes.size());
  PutFixed(out, static_cast<std::uint32_t>(bytes.size()));
  out.append(bytes);
}

std::string_view ByteReader::String() { return Take(Fixed<std::uint32_t>()); }

std::string_view ByteReader::Take(std::size_t n) {
  if (!Need(n)) return {};
  const std::string_view taken = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return taken;
}

bool ByteReader::Need(std::size_t n) {
  if (ok_ && rest_.size() >= n) return true;
  ok_ = false;
  return false;
}

}  // namespace granary
