// RowSpans: rows of one row group that lie side by side, span after span.
//
// Shape      ascending, none empty, none touching the one before it.
// Threads    plain values.
#pragma once

#include <cstdint>
#include <vector>

namespace granary::storage {

struct RowSpan {
  std::int64_t begin = 0;
  std::int64_t end = 0;  ///< Behind the last one.

  std::int64_t rows() const { return end - begin; }
  bool operator==(const RowSpan&) const = default;
};

using RowSpans = std::vector<RowSpan>;

inline std::int64_t CountRows(const RowSpans& spans) {
  std::int64_t rows = 0;
  for (const RowSpan& span : spans) rows += span.rows();
  return rows;
}

/// Puts a span behind those that are there; one that begins where the last ends makes it longer.
inline void AddSpan(RowSpans& spans, RowSpan span) {
  if (span.begin >= span.end) return;
  if (!spans.empty() && spans.back().end >= span.begin)
    spans.back().end = span.end;
  else
    spans.push_back(span);
}

}  // namespace granary::storage
