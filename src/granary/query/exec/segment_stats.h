// Statistics of a segment or a row group in the domain of the source's newest schema, made when
// asked for and kept.
//
// Threads    one.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "granary/storage/source/segment.h"
#include "granary/storage/stats/prune.h"
#include "granary/types/column_stats.h"
#include "granary/types/schema.h"

namespace granary::query {

class StatsView {
 public:
  /// Of a whole segment, from the manifest. A column that is younger than the file is all null,
  /// unless the file has a rest that may hold values of it.
  static StatsView OfSegment(const storage::Segment& segment, const Schema& schema);
  /// Of one row group, from the footer.
  static StatsView OfRowGroup(const storage::SegmentReader& reader, int row_group,
                              const Schema& schema);

  /// Null when nothing is known. Valid as long as the view.
  const ColumnStats* Find(ColumnId column);

  storage::Outcomes OutcomesOf(const Predicate& predicate);

 private:
  using Make = std::function<std::optional<ColumnStats>(ColumnId)>;
  explicit StatsView(Make make, storage::LeafLookup leaves = {})
      : make_(std::move(make)), leaves_(std::move(leaves)) {}

  Make make_;
  storage::LeafLookup leaves_;  ///< What is known of paths in documents.
  std::map<ColumnId, std::optional<ColumnStats>> made_;
};

}  // namespace granary::query
