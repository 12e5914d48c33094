// PagePruning: which rows of a segment may match, by the bounds of its pages.
//
// How        the pages of different columns end at different rows: between two ends that follow
//            each other each column has one page, and what its bounds allow decides. A column
//            without a page index has those of its row group.
// Errors     those of `cancel`, which is looked at before each piece.
// Promise    the rows that are left are a superset of those that match.
// Threads    pure functions of what the reader has loaded (SegmentReader::LoadPages).
#pragma once

#include <cstdint>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/optimizer/access_facts.h"
#include "granary/runtime/cancel.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/types/predicate.h"

namespace granary::query {

/// Of a row group.
struct PagesLeft {
  storage::RowSpans rows;
  std::uint64_t kept = 0, total = 0;  ///< Pieces between two ends of pages.
};
Result<PagesLeft> PagesThatMayMatch(const storage::SegmentReader& reader, int row_group,
                                    const Schema& schema, const Predicate& predicate,
                                    const runtime::CancelToken& cancel = {});

/// Of a segment, row group by row group.
struct SegmentPages {
  std::vector<PagesLeft> groups;
  PageFacts facts;
};
Result<SegmentPages> PagesOfSegment(const storage::SegmentReader& reader, const Schema& schema,
                                    const Predicate& predicate,
                                    const runtime::CancelToken& cancel = {});

/// False for a predicate that no bounds of values say anything about.
bool MayPrunePages(const Predicate& predicate);
/// Comparisons that it takes to look at a page.
double ComparisonsOf(const Predicate& predicate);

}  // namespace granary::query
