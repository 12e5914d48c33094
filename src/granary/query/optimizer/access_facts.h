// What a choice of access paths is made from: the shape of a request, and what is known of a
// segment.
//
// Threads    plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/query/optimizer/coefficients.h"
#include "granary/types/predicate.h"

namespace granary::query {

/// Columns that are read together.
struct ColumnGroup {
  double numbers = 0;  ///< Of a fixed length.
  double texts = 0;
  double count() const { return numbers + texts; }
  void Add(const DataType& type) { (type.IsBytes() ? texts : numbers) += 1; }
};

/// What a request asks of one source.
struct AccessShape {
  bool filters = false;     ///< Else every row matches.
  Work checks;              ///< What the filter takes, per row that it is asked of.
  ColumnGroup filter;       ///< Are decoded of every row that is examined.
  ColumnGroup rest;         ///< Are decoded where something matched.
  double comparisons = 0;   ///< Of values with the bounds of a page, to look at one.
  double per_match_ns = 0;  ///< What a matching row costs after the scan.
  /// So many rows are wanted, in the order in which they are stored.
  std::optional<std::uint64_t> limit;
  /// So many rows at the beginning of each order are wanted, if a B-tree tells them: 1 for a
  /// minimum.
  std::optional<std::uint64_t> first;
  std::size_t first_orders = 1;  ///< A minimum and a maximum are two.
};

/// Which indexes of a segment can be asked a question.
struct QuestionIndexes {
  bool hash = false;
  bool btree = false;
  bool bloom = false;
};

/// What page indexes leave of a segment.
struct PageFacts {
  double rows = 0;             ///< Of pages that may hold a match.
  double kept = 0, total = 0;  ///< Pages.
  double row_groups = 0;       ///< With such pages.
};

struct SegmentFacts {
  std::uint64_t rows = 0;
  std::uint64_t row_groups = 1;
  bool all_match = false;               ///< Statistics say so.
  bool by_metadata = false;             ///< Statistics answer for it.
  bool first_by_index = false;          ///< All rows match, and B-trees have AccessShape::first.
  double matches = 1;                   ///< Of the rows, estimated.
  std::optional<PageFacts> pages = {};  ///< Nothing: they have no say.
  std::optional<bool> cached = {};  ///< The columns are decoded already; nothing: not asked yet.
  /// One a question; empty: no index can be asked.
  std::span<const QuestionIndexes> indexes;
  /// Of the rows, what an answer to each question names; estimated.
  std::span<const double> named;
};

/// What pages of `page_rows` rows leave if the rows that match lie side by side: the least that
/// they can leave, for segments whose page indexes were not looked at yet.
PageFacts PagesOfSorted(const SegmentFacts& facts, double page_rows);

/// What a predicate takes, per row that it is asked of, and what that costs.
Work CheckWork(const Predicate& predicate);
double CheckCost(const Predicate& predicate, const CostModel& model);

}  // namespace granary::query
