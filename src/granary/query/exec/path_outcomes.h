// PathOutcomes: what a leaf over a path of documents can be in one row group, from the statistics
// of the columns that the path's values are in.
//
// Threads    pure function.
#pragma once

#include <optional>

#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/stats/prune.h"
#include "granary/types/predicate.h"

namespace granary::query {

/// Nothing when the file does not tell: no path, no columns of it, or values beside them.
std::optional<storage::Outcomes> PathOutcomes(const storage::SegmentReader& reader, int row_group,
                                              const Schema& schema, const Predicate& leaf);

}  // namespace granary::query
