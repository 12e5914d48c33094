#include "granary/storage/memtable/growing_bitmap.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

#include <arrow/buffer.h>
#include <arrow/result.h>

#include "granary/base/check.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kWordBits = 64;

std::int64_t WordsFor(std::int64_t bits) { return (bits + kWordBits - 1) / kWordBits; }

std::uint64_t LowBits(int count) {
  return count == kWordBits ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// `count` bits, at most 64, reading no byte that holds none of them.
std::uint64_t ReadBits(const std::uint8_t* from, std::int64_t bit, int count) {
  from += bit / 8;
  const int shift = static_cast<int>(bit % 8);
  const int bytes = (shift + count + 7) / 8;
  std::uint64_t word = 0;
  std::memcpy(&word, from, static_cast<std::size_t>(std::min(bytes, 8)));
  word >>= shift;
  if (bytes > 8) word |= std::uint64_t{from[8]} << (kWordBits - shift);
  return word & LowBits(count);
}

}  // namespace

Status GrowingBitmap::Reserve(std::int64_t used, std::int64_t bits) {
  return words_.Reserve(WordsFor(used) * 8, WordsFor(bits) * 8);
}

// Bits of earlier rows in the same word are kept; readers of those may look at the word right now.
void GrowingBitmap::WriteWord(std::int64_t at, std::uint64_t bits, int count) {
  const int shift = static_cast<int>(at % kWordBits);
  std::atomic_ref<std::uint64_t> word(words_.as<std::uint64_t>()[at / kWordBits]);
  const std::uint64_t earlier =
      shift == 0 ? 0 : word.load(std::memory_order_relaxed) & LowBits(shift);
  word.store(earlier | (bits & LowBits(count)) << shift, std::memory_order_relaxed);
}

std::int64_t GrowingBitmap::Write(std::int64_t at, const std::uint8_t* from, std::int64_t from_bit,
                                  std::int64_t count) {
  std::int64_t ones = 0;
  while (count > 0) {
    const int piece = static_cast<int>(std::min(count, kWordBits - at % kWordBits));
    const std::uint64_t bits = ReadBits(from, from_bit, piece);
    WriteWord(at, bits, piece);
    ones += std::popcount(bits);
    at += piece;
    from_bit += piece;
    count -= piece;
  }
  return ones;
}

void GrowingBitmap::WriteOnes(std::int64_t at, std::int64_t count) {
  while (count > 0) {
    const int piece = static_cast<int>(std::min(count, kWordBits - at % kWordBits));
    WriteWord(at, LowBits(piece), piece);
    at += piece;
    count -= piece;
  }
}

std::shared_ptr<arrow::Buffer> CopyBits(const arrow::Buffer& bitmap, std::int64_t bits) {
  const std::int64_t words = WordsFor(bits);
  auto copy = arrow::AllocateBuffer(words * 8);
  GRANARY_CHECK(copy.ok(), "{} bits: {}", bits, copy.status().ToString());
  std::uint8_t* to = (*copy)->mutable_data();
  const std::int64_t whole_bytes = bits / kWordBits * 8;
  if (whole_bytes > 0) std::memcpy(to, bitmap.data(), static_cast<std::size_t>(whole_bytes));
  if (const int rest = static_cast<int>(bits % kWordBits); rest != 0) {
    // The writer's word: atomic_ref wants it mutable, but it is only loaded.
    auto* last =
        reinterpret_cast<std::uint64_t*>(const_cast<std::uint8_t*>(bitmap.data() + whole_bytes));
    const std::uint64_t word =
        std::atomic_ref(*last).load(std::memory_order_relaxed) & LowBits(rest);
    std::memcpy(to + whole_bytes, &word, sizeof(word));
  }
  return std::move(*copy);
}

}  // namespace granary::storage
