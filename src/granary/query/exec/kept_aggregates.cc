#include "granary/query/exec/kept_aggregates.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "granary/query/exec/aggregate_table.h"

namespace granary::query {
namespace {

constexpr std::uint64_t kEntryOverheadBytes = 512;

std::uint64_t CostOf(const KeptAggregate& aggregate) {
  return aggregate.table->bytes() + aggregate.segments.capacity() * sizeof(KeptSegment) +
         kEntryOverheadBytes;
}

}  // namespace

KeptAggregates::KeptAggregates(KeptAggregatesOptions options, runtime::MemoryBudget* parent)
    : options_(options),
      budget_("partial_cache", runtime::MemoryBudget::kNoLimit, parent),
      reclaimer_(std::in_place, budget_, [this](std::uint64_t bytes) { return GiveBack(bytes); }) {}

// First nobody asks for it any more.
KeptAggregates::~KeptAggregates() {
  reclaimer_.reset();
  budget_.Release(bytes_);
}

std::shared_ptr<const KeptAggregate> KeptAggregates::Find(const Digest128& key,
                                                          const std::vector<KeptSegment>& live) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const auto& aggregate = found->second->aggregate;
  const bool all_live = std::ranges::includes(live, aggregate->segments);
  if (!all_live) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return aggregate;
}

void KeptAggregates::Keep(const Digest128& key, KeptAggregate aggregate) {
  const std::uint64_t bytes = CostOf(aggregate);
  if (bytes > options_.bytes_max / 4) return;
  // Not under the lock: the budget may ask this cache to give something back.
  if (budget_.TryReserve(bytes) != nullptr) return;
  Entries dropped;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  if (const auto before = by_key_.find(key); before != by_key_.end())
    Erase(before->second, dropped);
  while (bytes_ + bytes > options_.bytes_max) Erase(std::prev(entries_.end()), dropped);
  entries_.push_front({key, std::make_shared<const KeptAggregate>(std::move(aggregate)), bytes});
  by_key_[key] = entries_.begin();
  bytes_ += bytes;
}

void KeptAggregates::Erase(Entries::iterator entry, Entries& dropped) {
  bytes_ -= entry->bytes;
  budget_.Release(entry->bytes);
  by_key_.erase(entry->key);
  dropped.splice(dropped.begin(), entries_, entry);
}

std::uint64_t KeptAggregates::GiveBack(std::uint64_t bytes) {
  Entries dropped;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  const std::uint64_t before = bytes_;
  while (!entries_.empty() && before - bytes_ < bytes) Erase(std::prev(entries_.end()), dropped);
  return before - bytes_;
}

std::uint64_t KeptAggregates::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace granary::query
