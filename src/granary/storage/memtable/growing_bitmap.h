// GrowingBitmap: bits that are only ever appended to, read by others while they grow.
//
// Shape      Arrow's: bit i is bit i % 8 of byte i / 8. Kept in 64-bit words.
// Threads    one writer. A reader takes a copy (CopyBits), because the word at the end holds bits
//            that the writer still sets; that word is read and written atomically, all before it
//            never change.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/memtable/growing_buffer.h"

namespace granary::storage {

class GrowingBitmap {
 public:
  /// Makes room for `bits` in all, of which the first `used` matter. kInternal: no memory.
  Status Reserve(std::int64_t used, std::int64_t bits);

  /// Sets bits [at, at + count), the last ones, to those of `from` at `from_bit`, and returns how
  /// many are set.
  std::int64_t Write(std::int64_t at, const std::uint8_t* from, std::int64_t from_bit,
                     std::int64_t count);
  void WriteOnes(std::int64_t at, std::int64_t count);

  const std::shared_ptr<arrow::Buffer>& buffer() const { return words_.buffer(); }

 private:
  void WriteWord(std::int64_t at, std::uint64_t bits, int count);

  GrowingBuffer words_;
};

/// The first `bits` of a GrowingBitmap's buffer, the rest of the last word zero.
std::shared_ptr<arrow::Buffer> CopyBits(const arrow::Buffer& bitmap, std::int64_t bits);

}  // namespace granary::storage
