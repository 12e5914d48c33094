#include "granary/tenant/body_memory.h"

#include <algorithm>

#include "granary/runtime/memory_wait.h"
#include "granary/tenant/tenant_memory.h"

namespace granary {
namespace {

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
  runtime::MemoryWait wait(budget_, wait_max_);
  auto count = runtime::Refusals::kCounted;
  while (const runtime::MemoryBudget* refused_by = budget_.TryReserve(bytes, count)) {
    count = runtime::Refusals::kRepeated;
    GRANARY_TRY(cancel_.Check().At("while waiting for memory"));
    const std::uint64_t own = held_.load();
    if (wait.Pause(*refused_by, own, bytes)) continue;
    // With half of the limit in its own hands it is the body that is in the way.
    const std::uint64_t limit = refused_by->limit();
    if (own + bytes > limit / 2) {
      const std::uint64_t others = std::max(refused_by->reserved(), own) - own;
      return runtime::NeverFits(*refused_by, own + bytes, limit - std::min(limit, others));
    }
    return wait.Refusal(*refused_by, own, bytes);
  }
  held_.fetch_add(bytes);
  return Status::Ok();
}

void BodyMemory::GiveBack(std::uint64_t bytes) {
  held_.fetch_sub(bytes);
  budget_.Release(bytes);
}

}  // namespace granary
