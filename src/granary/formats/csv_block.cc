#include "granary/formats/csv_block.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace granary::formats {
namespace {

struct BlockBits {
  std::uint64_t quotes = 0;
  std::uint64_t commas = 0;
  std::uint64_t line_ends = 0;
};

#ifdef __SSE2__
BlockBits BitsOf(const char* block) {
  const auto bits_of = [](__m128i equal) {
    return static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(equal)));
  };
  BlockBits bits;
  for (std::size_t at = 0; at < CsvBlock::kBytes; at += sizeof(__m128i)) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + at));
    const auto equals = [&](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
    bits.quotes |= bits_of(equals('"')) << at;
    bits.commas |= bits_of(equals(',')) << at;
    bits.line_ends |= bits_of(_mm_or_si128(equals('\n'), equals('\r'))) << at;
  }
  return bits;
}
#else
BlockBits BitsOf(const char* block) {
  BlockBits bits;
  for (std::size_t at = 0; at < CsvBlock::kBytes; ++at) {
    const std::uint64_t bit = std::uint64_t{1} << at;
    if (block[at] == '"') bits.quotes |= bit;
    if (block[at] == ',') bits.commas |= bit;
    if (block[at] == '\n' || block[at] == '\r') bits.line_ends |= bit;
  }
  return bits;
}
#endif

/// Each bit is the sum of those up to it.
std::uint64_t RunningSums(std::uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

}  // namespace

std::optional<CsvBlock> CsvBlock::Read(const char* bytes, InCsv in) {
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  const BlockBits bits = BitsOf(bytes);
  // From a quote that opens to before the one that closes.
  const std::uint64_t inside = RunningSums(bits.quotes) ^ (in == InCsv::kQuotes ? kAll : 0);
  if ((bits.line_ends & inside) != 0) return std::nullopt;
  const std::uint64_t opening = bits.quotes & inside;
  const std::uint64_t fronts = (bits.commas | bits.line_ends) << 1 | (in == InCsv::kCellFront);
  const std::uint64_t behind_quotes = bits.quotes << 1 | (in == InCsv::kAfterQuote);
  if ((opening & ~fronts & ~behind_quotes) != 0) return std::nullopt;

  CsvBlock block;
  block.ends = bits.line_ends;
  block.opens = (opening & fronts) != 0;
  constexpr int kLast = 63;
  if (inside >> kLast != 0) {
    block.in = InCsv::kQuotes;
  } else if (bits.quotes >> kLast != 0) {
    block.in = InCsv::kAfterQuote;
  } else {
    const bool at_front = (bits.commas | bits.line_ends) >> kLast != 0;
    block.in = at_front ? InCsv::kCellFront : InCsv::kText;
  }
  return block;
}

}  // namespace granary::formats
