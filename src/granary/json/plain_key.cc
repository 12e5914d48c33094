#include "granary/json/plain_key.h"

namespace granary::json {

PlainKey::PlainKey(std::string_view name) {
  if (name.find_first_of("\"\\") != name.npos) return;
  words_.resize(name.size() / sizeof(Word) + 1);
  auto* bytes = reinterpret_cast<char*>(words_.data());
  name.copy(bytes, name.size());
  bytes[name.size()] = '"';
  constexpr char kOnes[] = "\xff\xff\xff\xff\xff\xff\xff\xff";
  std::memcpy(&last_mask_, kOnes, name.size() % sizeof(Word) + 1);
}

}  // namespace granary::json
