// PlainKey: whether a key of JSON text is a known name, without reading the key.
//
// Promise    says yes only for the name as it is, nothing of it escaped; then the closing quote
//            stands right behind it. A name that JSON cannot write so is never found.
// Threads    const from many.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace granary::json {

class PlainKey {
 public:
  PlainKey() = default;
  explicit PlainKey(std::string_view name);

  /// `raw` is the text behind a key's opening quote, and whatever stands behind the key. It counts
  /// only when kSlackBytes or more follow the name.
  bool Begins(std::string_view raw) const {
    if (words_.empty() || raw.size() < words_.size() * sizeof(Word)) return false;
    const char* at = raw.data();
    for (std::size_t i = 0; i + 1 < words_.size(); ++i, at += sizeof(Word)) {
      if (Load(at) != words_[i]) return false;
    }
    return (Load(at) & last_mask_) == words_.back();
  }

  static constexpr std::size_t kSlackBytes = 8;

 private:
  using Word = std::uint64_t;
  static Word Load(const char* at) {
    Word word;
    std::memcpy(&word, at, sizeof(word));
    return word;
  }

  std::vector<Word> words_;  ///< The name and a quote, the last filled up with zeroes.
  Word last_mask_ = 0;       ///< All ones where the last word counts.
};

}  // namespace granary::json
