#include "granary/query/exec/top_rows.h"

#include <algorithm>
#include <iterator>

namespace granary::query {
namespace {

constexpr std::size_t kSlackMin = 1024;  ///< Fewer rows are not worth a selection.

}  // namespace

void SharedCeiling::LowerTo(std::uint64_t prefix) {
  std::uint64_t now = prefix_.load(std::memory_order_relaxed);
  while (prefix < now && !prefix_.compare_exchange_weak(now, prefix, std::memory_order_relaxed)) {
  }
}

void TopRows::Add(RankedRow row) {
  rows_.push_back(std::move(row));
  if (!wanted_ || rows_.size() < *wanted_ + std::max<std::size_t>(*wanted_, kSlackMin)) return;
  const auto worst = rows_.begin() + static_cast<std::ptrdiff_t>(*wanted_) - 1;
  std::nth_element(rows_.begin(), worst, rows_.end());
  ceiling_.LowerTo(worst->prefix);
  rows_.resize(*wanted_);
}

std::vector<RankedRow> BestOf(std::vector<std::vector<RankedRow>> some,
                              std::optional<std::uint64_t> wanted) {
  std::vector<RankedRow> all;
  for (std::vector<RankedRow>& rows : some)
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  const std::size_t count = wanted ? std::min<std::uint64_t>(*wanted, all.size()) : all.size();
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  all.resize(count);
  return all;
}

}  // namespace granary::query
