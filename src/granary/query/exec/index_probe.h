// IndexProbe: puts the questions that a plan chose to the indexes of one segment or hot chunk.
//
// How        the answers to the parts of an AND are intersected, the one that is expected to leave
//            fewest rows first; those of an OR are united when every part has one. What an index
//            names is a superset: whoever reads the rows checks the predicate. A part that comes
//            later is asked while more rows are left than Probe::enough, and past
//            Probe::insured_from with a bound on what it may name. Before a scan the same is done
//            within the scan's insurance.
// Promise    no answer depends on it: without an index, with a damaged one, or when it names more
//            rows than the plan allows, it has nothing to say.
// Threads    one.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/optimizer/source_optimizer.h"
#include "granary/storage/source/segment.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::query {

/// Ascending, each once.
using RowNumbers = std::vector<std::int32_t>;

/// What to ask, and when to give up.
struct ProbeOrder {
  const IndexQuestions& questions;
  const Probe& probe;
  std::size_t found_max = 0;  ///< SegmentChoice's.
  std::size_t picked_max = 0;
  std::deque<Measured>* measured = nullptr;  ///< As the questions; null: nobody wants to know.
};

/// Rows of the segment; nothing when no index helps.
std::optional<RowNumbers> ProbeSegment(const ProbeOrder& order, const storage::Segment& segment,
                                       QueryStats& stats);

struct RowsOfKeys {
  RowNumbers rows;
  bool all = true;  ///< Else the first ones.
};
/// Rows of the segment that may have one of the values of a question of kEqual: all that one value
/// has, or the first `each_max` of them, and no row behind the last one of a value that has more.
/// Nothing when no index tells.
std::optional<RowsOfKeys> ProbeKeys(const IndexQuestion& question, const storage::Segment& segment,
                                    std::size_t each_max, QueryStats& stats);

/// Rows of a hot chunk, by its hash indices and orders.
std::optional<RowNumbers> ProbeChunk(const ProbeOrder& order, const storage::HotChunk& chunk,
                                     QueryStats& stats);

/// Rows of the segment that come first in the order of a column: `count` at least and all that tie
/// with the last of them. Nothing when no B-tree tells, or more than `found_max` tie.
std::optional<RowNumbers> ProbeFirst(const storage::Segment& segment, const Column& column,
                                     storage::KeyOrder order, std::size_t count,
                                     std::size_t found_max, QueryStats& stats);

}  // namespace granary::query
