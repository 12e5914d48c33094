#include "granary/formats/decode_memory.h"

#include <algorithm>
#include <utility>

#include "granary/base/check.h"

namespace granary::formats {

DecodePool::DecodePool(std::int64_t bytes_max, std::shared_ptr<DecodeRoom> room)
    : under_(arrow::default_memory_pool()), bytes_max_(bytes_max), room_(std::move(room)) {}

DecodePool::~DecodePool() {
  GRANARY_CHECK(used_ == 0, "{} bytes of a body outlive its memory", used_);
  if (room_ != nullptr && granted_ > 0) room_->GiveBack(static_cast<std::uint64_t>(granted_));
}

arrow::Status DecodePool::Take(std::int64_t bytes, std::int64_t leaving) {
  std::int64_t wanted = 0;
  {
    const std::lock_guard lock(mutex_);
    if (bytes - leaving > bytes_max_ - used_)
      return arrow::Status::OutOfMemory("more than ", bytes_max_, " bytes of one body");
    used_ += bytes;
    peak_ = std::max(peak_, used_);
    if (room_ == nullptr || used_ <= granted_) return arrow::Status::OK();
    wanted = (used_ - granted_ + kStepBytes - 1) / kStepBytes * kStepBytes;
    granted_ += wanted;  // Nobody else asks for these.
  }
  Status taken = room_->Take(static_cast<std::uint64_t>(wanted));
  if (taken.ok()) return arrow::Status::OK();
  const std::lock_guard lock(mutex_);
  granted_ -= wanted;
  used_ -= bytes;
  if (refusal_.ok()) refusal_ = std::move(taken);
  return arrow::Status::OutOfMemory("no room for ", wanted, " bytes");
}

void DecodePool::GiveBack(std::int64_t bytes) {
  std::int64_t spare = 0;
  {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    // A step is kept, so that buffers that come and go do not ask each time.
    if (room_ == nullptr || granted_ - used_ < 2 * kStepBytes) return;
    spare = (granted_ - used_) / kStepBytes * kStepBytes - kStepBytes;
    granted_ -= spare;
  }
  room_->GiveBack(static_cast<std::uint64_t>(spare));
}

arrow::Status DecodePool::Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) {
  ARROW_RETURN_NOT_OK(Take(size, 0));
  arrow::Status status = under_->Allocate(size, alignment, out);
  if (!status.ok()) GiveBack(size);
  return status;
}

// Both are there while the one is copied to the other; the cap is about what stays.
arrow::Status DecodePool::Reallocate(std::int64_t old_size, std::int64_t new_size,
                                     std::int64_t alignment, std::uint8_t** ptr) {
  ARROW_RETURN_NOT_OK(Take(new_size, old_size));
  arrow::Status status = under_->Reallocate(old_size, new_size, alignment, ptr);
  GiveBack(status.ok() ? old_size : new_size);
  return status;
}

void DecodePool::Free(std::uint8_t* buffer, std::int64_t size, std::int64_t alignment) {
  under_->Free(buffer, size, alignment);
  GiveBack(size);
}

std::int64_t DecodePool::bytes_allocated() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::int64_t DecodePool::max_memory() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

Status DecodePool::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

}  // namespace granary::formats
