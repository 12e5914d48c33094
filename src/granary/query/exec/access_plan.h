// AccessPlan: which segments and hot chunks of a source a query reads, and how each.
//
// How        what partitions or statistics rule out is pruned; SourceOptimizer (query/optimizer)
//            chooses for the rest, but for the first rows of an order in hot chunks, which come by
//            that order where one is kept; source_scan.h carries the choices out.
// Threads    immutable once made.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/page_pruning.h"
#include "granary/query/optimizer/cardinality_corrections.h"
#include "granary/query/optimizer/selectivity.h"
#include "granary/query/optimizer/source_optimizer.h"
#include "granary/runtime/cancel.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::query {

/// How a node plans. Outlives the queries.
struct OptimizerOptions {
  bool enabled = true;  ///< QUERY_OPTIMIZATION_ENABLED; false: no index is asked.
  CostModel model;
  /// What was learned of estimates; null: nobody learns.
  std::shared_ptr<const CardinalityCorrections> corrections = nullptr;
  /// What was not believed of the model that was to serve, for EXPLAIN.
  std::vector<std::string> distrusted = {};
  /// Rows that a page has at most, in files that were not read yet.
  std::int64_t page_rows = storage::SegmentWriterOptions().page_rows;
  std::optional<Way> forced;  ///< For comparisons: this way wherever it is possible.
};

/// What a query asks of a source besides filter and columns.
struct AccessAsk {
  std::optional<std::uint64_t> limit;  ///< Rows in stored order.
  /// The rows at the beginning of each of these orders are enough, of segments that match whole and
  /// have a B-tree for each of them.
  struct Order {
    Column column;
    storage::KeyOrder order = storage::KeyOrder::kAscending;
  };
  std::vector<Order> first_by;
  std::uint64_t first_count = 0;
  double per_match_ns = 0;  ///< What a matching row costs after the scan.
  /// True for a segment that matches whole, so many rows that are deleted apart, when its
  /// statistics answer for it. Null: they never do.
  std::function<bool(const storage::Segment&, std::uint64_t deleted_rows)> by_metadata;
  /// Segments that are not read, ascending.
  std::vector<SegmentId> without;
  /// Is looked at between segments and hot chunks; null: nobody ends the planning.
  const runtime::CancelToken* cancel = nullptr;
  bool exactly = false;  ///< Costs as exact as they can be had, for people; takes longer.
};

/// A segment that may hold matching rows.
struct PlannedSegment {
  std::shared_ptr<const storage::Segment> segment;
  bool all_match = false;  ///< Statistics say that every row matches: no filter needed.
  SegmentChoice choice;
  storage::RowSetPtr deleted = nullptr;  ///< Rows that the snapshot lacks; null: none.
  /// What its page indexes leave of it, when they were looked at; else who reads it does.
  std::shared_ptr<const SegmentPages> pages = nullptr;

  std::uint64_t deleted_rows() const { return deleted == nullptr ? 0 : deleted->count(); }
};

struct PlannedChunk {
  const storage::HotChunk* chunk = nullptr;
  SegmentChoice choice;
};

enum class PrunedBy : std::uint8_t { kPartition, kStatistics, kDeletions };
struct PrunedSegment {
  const storage::Segment* segment = nullptr;
  PrunedBy by = PrunedBy::kStatistics;
};

struct AccessPlan {
  std::vector<PlannedSegment> segments;  ///< In the snapshot's order.
  std::vector<PlannedChunk> hot;
  std::vector<PrunedSegment> pruned;
  std::vector<AccessAsk::Order> first_by;
  std::uint64_t first_count = 0;
  SourceChoices choices;
  std::uint64_t segments_total = 0;  ///< Of the snapshot, those that the query leaves out, too.
  std::size_t pieces = 0;            ///< About so many morsels.
  AccessShape shape;                 ///< What was asked.
  /// Of the segments that are not known to match whole: rows that match, by statistics alone.
  double matches_by_statistics = 0;
  /// Of each question, over the segments where it is asked: rows that are named, the same by
  /// statistics alone, the time that takes, and how many segments that are.
  std::vector<double> named, named_by_statistics, asking_ns;
  std::vector<std::uint64_t> asked;
  /// By what was learned estimates were multiplied: of the predicate, and of each question.
  double correction = 1;
  std::vector<double> corrections;
  /// What is learned of them by; 0 and empty when nobody learns.
  std::uint64_t predicate_shape = 0;
  std::vector<std::uint64_t> question_shapes;
  bool is_one_question = false;  ///< The predicate is what the first question asks.
};

/// Columns, or what is read in their place (a path, `_seq`), by what they take to decode.
ColumnGroup GroupOf(const std::vector<ColumnId>& columns, const Schema& schema);

/// What the shapes of a source's predicates are made with.
std::uint64_t ShapeSeedOf(const storage::SourceSnapshot& snapshot);

/// What SourceScan knows when it plans.
struct AccessInput {
  const storage::SourceSnapshot& snapshot;
  const Predicate* predicate = nullptr;  ///< Null: every row matches.
  const IndexQuestions& questions;
  const std::vector<ColumnId>& filter_columns;
  const std::vector<ColumnId>& rest;  ///< Are shown besides.
  const KnownColumns& typical;        ///< Of the source's largest segment.
};

/// kCancelled and kDeadlineExceeded when that is asked for. Pure but for looking into the column
/// cache, at the orders of hot chunks, and at page indexes that are in memory (with
/// AccessAsk::exactly in those of the files).
Result<AccessPlan> PlanAccess(const AccessInput& input, const AccessAsk& ask,
                              const OptimizerOptions& options);

}  // namespace granary::query
