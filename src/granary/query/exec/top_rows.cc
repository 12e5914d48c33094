#include "granary/query/exec/top_rows.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace granary::query {
namespace {

constexpr std::size_t kSlackMin = 1024;  ///< Fewer rows are not worth a selection.
constexpr std::size_t kRunRows = 8192;   ///< Sorted between two looks at a token.

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

namespace {

/// Sorted runs of kRunRows rows, or the rest.
using Run = std::pair<std::vector<RankedRow>::iterator, std::vector<RankedRow>::iterator>;

Result<std::vector<Run>> SortRuns(std::vector<RankedRow>& rows,
                                  const runtime::CancelToken& cancel) {
  std::vector<Run> runs;
  for (std::size_t first = 0; first < rows.size(); first += kRunRows) {
    GRANARY_TRY(cancel.Check());
    const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end =
        rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), first + kRunRows));
    std::sort(begin, end);
    runs.emplace_back(begin, end);
  }
  return runs;
}

}  // namespace

Result<std::vector<RankedRow>> BestOf(std::vector<RankedRow>& all,
                                      std::optional<std::uint64_t> wanted,
                                      const runtime::CancelToken& cancel) {
  const std::size_t count = wanted ? std::min<std::uint64_t>(*wanted, all.size()) : all.size();
  GRANARY_ASSIGN(std::vector<Run> runs, SortRuns(all, cancel));
  if (runs.size() <= 1) {
    all.resize(count);
    return std::move(all);
  }
  const auto later = [](const Run& a, const Run& b) { return *b.first < *a.first; };
  std::make_heap(runs.begin(), runs.end(), later);
  std::vector<RankedRow> best;
  best.reserve(count);
  while (best.size() < count) {
    if (best.size() % kRunRows == 0) GRANARY_TRY(cancel.Check());
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
