// Statistics of a segment or a row group in the domain of the source's newest schema, looked up
// when asked for and kept.
//
// Threads    one.
#pragma once

#include <list>
#include <vector>

#include "granary/storage/source/segment.h"
#include "granary/storage/stats/prune.h"
#include "granary/types/column_stats.h"
#include "granary/types/schema.h"

namespace granary::query {

class StatsView {
 public:
  /// Of a whole segment, from the manifest. A column that is younger than the file is all null,
  /// unless the file has a rest that may hold values of it. Both outlive the view.
  static StatsView OfSegment(const storage::Segment& segment, const Schema& schema);
  /// The same of one segment after the other, each once it was looked at.
  static StatsView OfSegments(const Schema& schema) { return StatsView(schema); }
  void Look(const storage::Segment& segment);
  /// Of one row group, from the footer.
  static StatsView OfRowGroup(const storage::SegmentReader& reader, int row_group,
                              const Schema& schema);

  /// Null when nothing is known. Valid as long as the view.
  const ColumnStats* Find(ColumnId column);

  storage::Outcomes OutcomesOf(const Predicate& predicate);

 private:
  struct Found {
    ColumnId column = 0;
    const ColumnStats* stats = nullptr;
    const storage::Segment* of = nullptr;  ///< Whose they are.
    int as_is = -1;  ///< The place in the file's schema of a column that needs no converting.
  };
  explicit StatsView(const Schema& schema) : schema_(&schema) {}
  const ColumnStats* OfSegment(ColumnId column);
  /// The place of a column whose statistics are as they were written; -1 for others.
  int PlaceAsIs(ColumnId column) const;
  const ColumnStats* Keep(ColumnStats stats) { return &made_.emplace_back(std::move(stats)); }

  const Schema* schema_;
  const storage::Segment* segment_ = nullptr;
  const storage::SegmentReader* reader_ = nullptr;
  int row_group_ = 0;
  std::vector<Found> found_;
  std::list<ColumnStats> made_;  // What is not as the manifest has it.
};

}  // namespace granary::query
