// GrowingBuffer: bytes that are only ever appended to, read by others while they grow.
//
// Promise    bytes once written stay where they are: growing copies into a new allocation and
//            leaves the old one to those who hold it.
// Threads    one writer. Readers hold buffer() of some moment and look only at bytes that were
//            written before it was handed to them.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"

namespace granary::storage {

class GrowingBuffer {
 public:
  /// Makes room for `bytes` in all, of which the first `used` matter; what is behind them is
  /// undefined. kInternal when there is no memory; nothing has changed then.
  Status Reserve(std::int64_t used, std::int64_t bytes) {
    return bytes <= capacity_ ? Status::Ok() : Grow(used, bytes);
  }

  /// Null before the first Reserve.
  std::uint8_t* data() { return data_; }
  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }
  const std::shared_ptr<arrow::Buffer>& buffer() const { return buffer_; }
  std::int64_t capacity() const { return capacity_; }

 private:
  Status Grow(std::int64_t used, std::int64_t bytes);

  std::shared_ptr<arrow::Buffer> buffer_;
  std::uint8_t* data_ = nullptr;
  std::int64_t capacity_ = 0;
};

}  // namespace granary::storage
