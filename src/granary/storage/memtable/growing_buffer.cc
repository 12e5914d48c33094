#include "granary/storage/memtable/growing_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <arrow/buffer.h>
#include <arrow/result.h>

namespace granary::storage {
namespace {

/// One cache line, eight rows of eight bytes: thousands of sources hold only a few rows.
constexpr std::int64_t kSmallestBytes = 64;

}  // namespace

Status GrowingBuffer::Grow(std::int64_t used, std::int64_t bytes) {
  const std::int64_t capacity = std::max({bytes, 2 * capacity_, kSmallestBytes});
  auto grown = arrow::AllocateBuffer(capacity);
  if (!grown.ok()) return Status::Internal("hot tier: " + grown.status().ToString());
  used = std::min(used, capacity_);
  std::uint8_t* data = (*grown)->mutable_data();
  if (used > 0) std::memcpy(data, data_, static_cast<std::size_t>(used));
  buffer_ = std::move(*grown);
  data_ = data;
  capacity_ = capacity;
  return Status::Ok();
}

}  // namespace granary::storage
