#include "granary/query/exec/top_rows.h"

#include <algorithm>
#include <functional>

#include "granary/query/exec/best_of.h"

namespace granary::query {
namespace {

constexpr std::size_t kSlackMin = 1024;  ///< Fewer rows are not worth a selection.

std::uint64_t HeapOf(const RankedRow& row) {
  static const std::size_t kInside = std::string().capacity();
  return row.key.capacity() > kInside ? row.key.capacity() + 1 : 0;
}

}  // namespace

void SharedCeiling::LowerTo(std::uint64_t prefix) {
  std::uint64_t now = prefix_.load(std::memory_order_relaxed);
  while (prefix < now && !prefix_.compare_exchange_weak(now, prefix, std::memory_order_relaxed)) {
  }
}

void TopRows::Add(RankedRow row) {
  key_bytes_ += HeapOf(row);
  rows_.push_back(std::move(row));
  // As a difference, since a limit may be as large as its type.
  if (!wanted_ || rows_.size() <= *wanted_ ||
      rows_.size() - *wanted_ < std::max<std::size_t>(*wanted_, kSlackMin))
    return;
  const auto worst = rows_.begin() + static_cast<std::ptrdiff_t>(*wanted_) - 1;
  std::nth_element(rows_.begin(), worst, rows_.end());
  ceiling_.LowerTo(worst->prefix);
  rows_.resize(*wanted_);
  key_bytes_ = 0;
  for (const RankedRow& kept : rows_) key_bytes_ += HeapOf(kept);
}

Result<std::vector<RankedRow>> BestOf(std::vector<RankedRow>& all,
                                      std::optional<std::uint64_t> wanted,
                                      const runtime::CancelToken& cancel) {
  const std::size_t count = wanted ? std::min<std::uint64_t>(*wanted, all.size()) : all.size();
  return BestOf(all, count, std::less<>(), cancel);
}

}  // namespace granary::query
