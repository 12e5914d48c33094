#include "granary/json/plain_key.h"

#include <string>

namespace granary::json {

PlainKey::PlainKey(std::string_view name) {
  if (name.find_first_of("\"\\") != name.npos) return;
  std::string text(name);
  text.push_back('"');
  const std::size_t used_of_last = (text.size() - 1) % sizeof(Word) + 1;
  text.append(sizeof(Word) - used_of_last, '\0');
  for (std::size_t at = 0; at < text.size(); at += sizeof(Word))
    words_.push_back(Load(text.data() + at));
  const std::string ones = std::string(used_of_last, '\xff') + std::string(sizeof(Word), '\0');
  last_mask_ = Load(ones.data());
}

}  // namespace granary::json
