#include "granary/api/container_end.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace granary::api {
namespace {

constexpr std::size_t kBlockBytes = 64;
/// Sets the bit in which brackets and braces differ, and in no other byte makes it one of them.
constexpr char kBraceBit = 0x20;

/// A bit for each byte of a block, the first lowest.
struct BlockBits {
  std::uint64_t quotes = 0;
  std::uint64_t escapes = 0;
  std::uint64_t opens = 0;
  std::uint64_t closes = 0;
};

#ifdef __SSE2__
BlockBits BitsOf(const char* block) {
  const auto equals = [](__m128i bytes, char c) {
    return static_cast<std::uint64_t>(
        static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)))));
  };
  BlockBits bits;
  for (std::size_t at = 0; at < kBlockBytes; at += sizeof(__m128i)) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + at));
    const __m128i braces = _mm_or_si128(bytes, _mm_set1_epi8(kBraceBit));
    bits.quotes |= equals(bytes, '"') << at;
    bits.escapes |= equals(bytes, '\\') << at;
    bits.opens |= equals(braces, '{') << at;
    bits.closes |= equals(braces, '}') << at;
  }
  return bits;
}
#else
BlockBits BitsOf(const char* block) {
  BlockBits bits;
  for (std::size_t at = 0; at < kBlockBytes; ++at) {
    const std::uint64_t bit = std::uint64_t{1} << at;
    const char brace = static_cast<char>(block[at] | kBraceBit);
    if (block[at] == '"') bits.quotes |= bit;
    if (block[at] == '\\') bits.escapes |= bit;
    if (brace == '{') bits.opens |= bit;
    if (brace == '}') bits.closes |= bit;
  }
  return bits;
}
#endif

/// Each bit is the sum of those up to it: set from a quote to before the one that closes it.
std::uint64_t Between(std::uint64_t quotes) {
  for (int shift = 1; shift < 64; shift *= 2) quotes ^= quotes << shift;
  return quotes;
}

class EndFinder {
 public:
  EndFinder(std::string_view text, std::size_t begin) : text_(text), at_(begin) {}

  std::size_t Find() {
    while (at_ < text_.size()) {
      const bool whole_block = text_.size() - at_ >= kBlockBytes;
      const BlockBits bits = whole_block ? BitsOf(text_.data() + at_) : BlockBits{};
      const bool by_block = whole_block && bits.escapes == 0;
      const bool ended =
          by_block ? TakeBlock(bits) : TakeBytes(std::min(at_ + kBlockBytes, text_.size()));
      if (ended) return at_;
    }
    return std::string_view::npos;
  }

 private:
  /// True, and behind it, when the block holds the end.
  bool TakeBlock(const BlockBits& bits) {
    const std::uint64_t strings = Between(bits.quotes) ^ (in_string_ ? ~std::uint64_t{0} : 0);
    in_string_ = strings >> 63 != 0;
    const std::uint64_t opens = bits.opens & ~strings, closes = bits.closes & ~strings;
    const auto closed = static_cast<std::size_t>(std::popcount(closes));
    if (closed < depth_) {
      depth_ += static_cast<std::size_t>(std::popcount(opens)) - closed;
      at_ += kBlockBytes;
      return false;
    }
    for (std::uint64_t left = opens | closes; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      if ((opens >> bit & 1) != 0) {
        ++depth_;
      } else if (--depth_ == 0) {
        at_ += static_cast<std::size_t>(bit) + 1;
        return true;
      }
    }
    at_ += kBlockBytes;
    return false;
  }

  /// The same byte by byte, at least to `end`.
  bool TakeBytes(std::size_t end) {
    while (at_ < end) {
      const char c = text_[at_++];
      const char brace = static_cast<char>(c | kBraceBit);
      if (c == '"') {
        in_string_ = !in_string_;
      } else if (in_string_) {
        if (c == '\\') ++at_;
      } else if (brace == '{') {
        ++depth_;
      } else if (brace == '}' && --depth_ == 0) {
        return true;
      }
    }
    return false;
  }

  const std::string_view text_;
  std::size_t at_;
  std::size_t depth_ = 0;
  bool in_string_ = false;
};

}  // namespace

std::size_t ContainerEnd(std::string_view text, std::size_t begin) {
  return EndFinder(text, begin).Find();
}

}  // namespace granary::api
