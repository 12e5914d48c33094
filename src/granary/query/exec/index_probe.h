// IndexProbe: which rows may match a predicate, as far as the indexes of one segment or hot chunk
// tell.
//
// How        equality and in by hash, B-tree or bloom filter; ranges, prefixes and LIKE with a
//            prefix by B-tree; AND intersects what its parts find, OR unites it when every part
//            finds something. What an index finds is a superset: whoever reads the rows checks the
//            predicate.
// Promise    no answer depends on it: without an index, with a damaged one, or when too many rows
//            would come, it finds nothing to say.
// Threads    one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "granary/query/exec/query_context.h"
#include "granary/storage/source/segment.h"
#include "granary/storage/source/source_snapshot.h"
#include "granary/types/predicate.h"

namespace granary::query {

/// Ascending, each once.
using RowNumbers = std::vector<std::int32_t>;

/// Rows of the segment; nothing when no index helps.
std::optional<RowNumbers> ProbeSegment(const Predicate& predicate, const storage::Segment& segment,
                                       QueryStats& stats);

/// Rows of a hot chunk, by its hash indices over the columns that `snapshot` declares indexed.
std::optional<RowNumbers> ProbeChunk(const Predicate& predicate, const storage::HotChunk& chunk,
                                     const storage::SourceSnapshot& snapshot);

/// Rows of the segment that come first in the order of a column: `count` at least and all that tie
/// with the last of them. Nothing when no B-tree tells.
std::optional<RowNumbers> ProbeFirst(const storage::Segment& segment, const Column& column,
                                     storage::KeyOrder order, std::size_t count, QueryStats& stats);

}  // namespace granary::query
