// BestOf: the first of some items in their order, sorted so that whoever cancels does not wait for
// the sort: in runs, which are merged.
//
// Cost       as std::sort, or std::partial_sort where few are wanted.
// Threads    as the items.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"

namespace granary::query {

/// Sorted, or merged, between two looks at the token.
inline constexpr std::size_t kBestOfRun = 8192;

/// The first `count` of `all` (or all of them), in order; takes them out. `less` tells any two
/// apart.
template <typename T, typename Less>
Result<std::vector<T>> BestOf(std::vector<T>& all, std::size_t count, const Less& less,
                              const runtime::CancelToken& cancel) {
  using Run = std::pair<typename std::vector<T>::iterator, typename std::vector<T>::iterator>;
  count = std::min(count, all.size());
  std::vector<Run> runs;
  for (std::size_t first = 0; first < all.size() && count > 0; first += kBestOfRun) {
    GRANARY_TRY(cancel.Check());
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
    const std::size_t size = std::min(all.size() - first, kBestOfRun);
    auto end = begin + static_cast<std::ptrdiff_t>(size);
    if (count < size / 4) {
      const auto best = begin + static_cast<std::ptrdiff_t>(count);
      std::partial_sort(begin, best, end, less);
      end = best;
    } else {
      std::sort(begin, end, less);
    }
    runs.emplace_back(begin, end);
  }
  if (runs.size() <= 1) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
    return std::move(all);
  }
  const auto later = [&](const Run& a, const Run& b) { return less(*b.first, *a.first); };
  std::make_heap(runs.begin(), runs.end(), later);
  std::vector<T> best;
  best.reserve(count);
  while (best.size() < count) {
    if (best.size() % kBestOfRun == 0) GRANARY_TRY(cancel.Check());
    std::pop_heap(runs.begin(), runs.end(), later);
    Run& run = runs.back();
    best.push_back(std::move(*run.first));
    if (++run.first == run.second)
      runs.pop_back();
    else
      std::push_heap(runs.begin(), runs.end(), later);
  }
  return best;
}

}  // namespace granary::query
