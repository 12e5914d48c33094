#include "granary/services/tenant_node/process_memory.h"

#include <algorithm>
#include <chrono>

namespace granary::services {
namespace {

// What grows fast between two looks grows past what was granted.
constexpr std::chrono::milliseconds kLookEvery{10};
/// To ask the allocator for its free pages takes longer than a look.
constexpr int kLooksBetweenAsking = 5;
constexpr std::uint64_t kKeptFreeParts = 8;
/// Free pages are asked back when less than such a part of the limit can still be granted.
constexpr std::uint64_t kPressureParts = 4;

}  // namespace

ProcessMemory::ProcessMemory(std::uint64_t limit_bytes, std::function<std::uint64_t()> resident,
                             std::function<void()> give_back)
    : limit_(limit_bytes),
      resident_(std::move(resident)),
      give_back_(std::move(give_back)),
      all_("process", limit_bytes - limit_bytes / kKeptFreeParts),
      bodies_("bodies", runtime::MemoryBudget::kNoLimit, &all_),
      others_("others", runtime::MemoryBudget::kNoLimit, &all_),
      job_("memory", kLookEvery, [this] { Look(); }) {
  Look();
}

ProcessMemory::~ProcessMemory() {
  job_.Stop();
  others_.Release(others_.reserved());
}

void ProcessMemory::Look() {
  std::uint64_t resident = resident_();
  if (looks_to_asking_ > 0) --looks_to_asking_;
  if (give_back_ && resident > all_.limit() - limit_ / kPressureParts &&
      (looks_to_asking_ == 0 || resident > all_.limit())) {
    looks_to_asking_ = kLooksBetweenAsking;
    give_back_();
    resident = resident_();
  }
  const std::uint64_t before = others_.reserved();
  const std::uint64_t all = all_.reserved();
  const std::uint64_t named = all - std::min(all, before);
  const std::uint64_t now = resident - std::min(resident, named);
  if (now > before) others_.Add(now - before);
  if (now < before) others_.Release(before - now);
  if (settled_) all_.NoteUnnamed(now);
}

}  // namespace granary::services
