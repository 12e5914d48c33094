#include "granary/tenant/body_memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/tenant/tenant_memory.h"

namespace granary {
namespace {

constexpr std::chrono::milliseconds kLookForRoomEvery{10};
constexpr std::uint64_t kTextStepBytes = 64u << 10;

}  // namespace

Status BodyMemory::TextCame(std::uint64_t bytes) {
  const std::uint64_t wanted = std::min(text_bytes_ + bytes, text_bytes_max_);
  if (wanted <= text_bytes_) return Status::Ok();
  const std::uint64_t step =
      std::min((wanted - text_bytes_ + kTextStepBytes - 1) / kTextStepBytes * kTextStepBytes,
               text_bytes_max_ - text_bytes_);
  GRANARY_TRY(Take(step * kWriteBytesPerTextByte));
  text_bytes_ += step;
  return Status::Ok();
}

Status BodyMemory::Take(std::uint64_t bytes) {
  const auto give_up = std::chrono::steady_clock::now() + wait_max_;
  auto count = runtime::Refusals::kCounted;
  while (const runtime::MemoryBudget* refused_by = budget_.TryReserve(bytes, count)) {
    count = runtime::Refusals::kRepeated;
    GRANARY_TRY(cancel_.Check().At("while waiting for memory"));
    const bool never = held_.load() + bytes > budget_.reach();
    if (never || std::chrono::steady_clock::now() >= give_up) return Refused(*refused_by, bytes);
    budget_.WaitForRelease(kLookForRoomEvery);
  }
  held_.fetch_add(bytes);
  return Status::Ok();
}

void BodyMemory::GiveBack(std::uint64_t bytes) {
  held_.fetch_sub(bytes);
  budget_.Release(bytes);
}

Status BodyMemory::Refused(const runtime::MemoryBudget& by, std::uint64_t bytes) const {
  const std::uint64_t all = held_.load() + bytes;
  if (all <= by.limit() / 2) return runtime::OutOfMemory(by, bytes);
  return {Code::kTooLarge,
          fmt::format("the body needs {} bytes of memory at once and more, of the {} that \"{}\" "
                      "may take for everything: send its records in smaller batches",
                      all, by.limit(), by.name())};
}

}  // namespace granary
