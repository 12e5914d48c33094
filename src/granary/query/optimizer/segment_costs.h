// SegmentCosts: what it takes to read a segment, by each way there is.
//
// Cost       work, estimated from the segment's facts, times the prices of a CostModel, in
//            nanoseconds of one worker.
// Threads    const from many. Pure.
#pragma once

#include <cstdint>
#include <limits>

#include "granary/query/optimizer/access_facts.h"
#include "granary/query/optimizer/cost_model.h"

namespace granary::query {

// No estimate divides by less.
inline constexpr double kLeast = 1e-9;

/// `share` as one, whatever an estimate says; half where it says nothing.
inline double SaneShare(double share) {
  return share >= 0 && share <= 1 ? share : (share > 1 ? 1 : 0.5);
}

struct Cost {
  static constexpr double kImpossible = std::numeric_limits<double>::infinity();
  double ns = kImpossible;
  double decoding = 0;  ///< Of ns, what would not be if the columns were cached.
  double rows = 0;      ///< That match.
  double examined = 0;  ///< Whose values are looked at.
};

/// What an answer of indexes leaves of a segment's rows.
struct Told {
  bool tells = false;
  double share = 1;        ///< Of the rows; of a bloom filter: how probably any.
  double ns = 0;           ///< Of the questions that are probably asked.
  bool names_rows = true;  ///< False: a bloom filter only tells that there are none.
};

/// What it takes to look at rows that an index names: this for each, and for each row group that
/// has some.
struct Picking {
  double row_ns = 0, group_ns = 0, groups = 1;
  /// So many rows cost `ns`.
  double RowsFor(double ns) const;
};

class SegmentCosts {
 public:
  /// Both outlive it; `model` is Sound.
  SegmentCosts(const AccessShape& shape, const CostModel& model);

  // `wanted`: of a limit, rows that are missing still; infinity without one.
  Cost Scan(const SegmentFacts& facts, double wanted) const;
  /// Of AccessShape::first, which is there.
  Cost First(const SegmentFacts& facts, double wanted) const;
  Cost Pages(const SegmentFacts& facts, const PageFacts& pages, double wanted) const;
  Cost Probing(const SegmentFacts& facts, const Told& told, double wanted) const;

  /// Of reading all of a segment whose columns are decoded already, whatever the limit.
  double ScanAllNs(const SegmentFacts& facts) const;
  Picking PickingIn(const SegmentFacts& facts) const;
  /// Of a row that an index names: to pick it, and to check it.
  double row_ns() const { return row_ns_; }
  /// Of a row that is looked at: to check it.
  double check_ns() const { return check_ns_; }

 private:
  double Decode(const ColumnGroup& columns, double rows) const;

  const AccessShape& shape_;
  const CostModel& model_;
  const double check_ns_;
  const double row_ns_;
};

}  // namespace granary::query
