// SourceScan: what a query reads of one source: which rows, which columns.
//
// Threads    const from many; the snapshot outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/index_probe.h"
#include "granary/query/exec/predicate_evaluator.h"
#include "granary/query/exec/query_context.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::query {

/// A column that a scan gives, or what lies at a path inside a json one: then json::PathLanes where
/// the file has the path as columns of its own, else the documents.
struct ScanColumn {
  ScanColumn(ColumnId column) : id(column) {}  // NOLINT: mostly there is no path.
  ScanColumn(ColumnId column, std::vector<std::string> keys) : id(column), path(std::move(keys)) {}
  ColumnId id;
  std::vector<std::string> path;
  bool operator==(const ScanColumn&) const = default;
};

/// A piece of work: one row group of a segment, or one hot chunk.
struct Morsel {
  std::size_t source = 0;                           ///< Position among the query's scans.
  std::shared_ptr<const storage::Segment> segment;  ///< Null for a hot chunk.
  int row_group = 0;
  std::int64_t group_begin = 0;  ///< Of the row group's first row, in the segment.
  std::int64_t group_rows = 0;   ///< Of the row group as a whole.
  const storage::HotChunk* chunk = nullptr;
  std::int64_t rows = 0;
  bool all_match = false;
  /// When an index chose: its rows of the row group or chunk, ascending. The morsel is then those
  /// rows alone, and positions in it count them.
  std::shared_ptr<const RowNumbers> picked;
  /// When page indexes chose: those rows of the row group, likewise.
  std::shared_ptr<const storage::RowSpans> spans = nullptr;
  std::int64_t skip = 0;    ///< Rows of the row group before this one are left out.
  std::uint16_t group = 0;  ///< Of the plan, among its SourceChoices::groups.
  /// Positions of rows that the snapshot lacks, ascending; null: none. Of rows that an index
  /// chose they are left out already.
  std::shared_ptr<const RowNumbers> deleted = nullptr;

  /// Where a row of the morsel lies in its row group or chunk.
  std::int64_t RowIn(std::int64_t row) const;
};

/// The rows of a morsel that match.
struct ScannedRows {
  /// The output columns of all the morsel's rows; null when nothing matched or no columns were
  /// asked for.
  std::shared_ptr<arrow::RecordBatch> batch;
  std::int64_t rows = 0;  ///< Of the batch.
  /// Positions of the matching rows, ascending; nothing when all match.
  std::optional<std::vector<std::int32_t>> selected;
  runtime::MemoryReservation memory = {};  ///< What was decoded for it.

  std::int64_t matches() const {
    return selected ? static_cast<std::int64_t>(selected->size()) : rows;
  }
};

class SourceScan {
 public:
  /// `output` may name kSequenceColumnId. Without a predicate all rows match.
  static Result<SourceScan> Make(const storage::SourceSnapshot& snapshot,
                                 std::optional<Predicate> predicate,
                                 const std::vector<ScanColumn>& output);

  const storage::SourceSnapshot& snapshot() const { return *snapshot_; }
  std::size_t columns() const { return output_.size(); }  ///< That it gives.

  /// What to read and how. Counts what was pruned. Looks at context.cancel.
  Result<AccessPlan> Plan(const AccessAsk& ask, const QueryContext& context,
                          QueryStats& stats) const;
  /// Some of a plan's segments as the plan says: their row groups as far as neither indexes nor
  /// footers rule them out, in order. Opens the files in parallel.
  Result<std::vector<Morsel>> RowGroups(std::size_t source, const AccessPlan& plan,
                                        std::span<const PlannedSegment> segments,
                                        const QueryContext& context, QueryStats& stats) const;
  std::vector<Morsel> HotChunks(std::size_t source, const AccessPlan& plan,
                                const QueryContext& context, QueryStats& stats) const;
  /// What may be asked of its indexes.
  const IndexQuestions& questions() const { return questions_; }
  const std::optional<Predicate>& predicate() const { return predicate_; }

  /// Decodes the filter's columns, filters, and decodes the others only where something matched.
  /// Looks at context.cancel before each column and once per context.batch_rows. A row group is the
  /// least that can be worked on: it is counted past the query's share, but waits, up to
  /// context.memory_wait_max, for memory that other queries hold, and then fails with kOverloaded.
  Result<ScannedRows> Read(const Morsel& morsel, const QueryContext& context,
                           QueryStats& stats) const;
  /// As Read, of a morsel that an index picked, but of the rows from morsel.skip on only the first
  /// `rows_max` that match: so many are looked at as that takes, and `batch` holds those alone, one
  /// for each of `selected`.
  Result<ScannedRows> ReadFirst(const Morsel& morsel, std::int64_t rows_max,
                                const QueryContext& context, QueryStats& stats) const;
  /// The output columns of all rows, without filter (to fetch what an earlier Read has chosen).
  Result<ScannedRows> ReadAll(const Morsel& morsel, const QueryContext& context,
                              QueryStats& stats) const;

 private:
  /// Takes what nobody needs who carries the plan out.
  void Record(AccessPlan& plan, PlanRecord* record) const;
  /// Which rows of a segment to look at; nothing: all.
  std::optional<RowNumbers> PickRows(const AccessPlan& plan, const PlannedSegment& planned,
                                     std::deque<Measured>* measured, QueryStats& stats) const;
  Result<std::vector<Morsel>> RowGroupsOf(std::size_t source, const PlannedSegment& planned,
                                          const std::optional<RowNumbers>& picked,
                                          const QueryContext& context, QueryStats& stats) const;
  Result<std::shared_ptr<arrow::RecordBatch>> Decode(const Morsel& morsel,
                                                     const std::vector<ColumnId>& columns,
                                                     const QueryContext& context,
                                                     runtime::MemoryReservation& memory,
                                                     QueryStats& stats) const;
  /// Ids of columns, and for paths numbers below zero: positions in paths_.
  ColumnId IdOf(const ScanColumn& column);
  const ScanColumn& PathOf(ColumnId id) const { return paths_[static_cast<std::size_t>(-id - 1)]; }
  void NumberPaths(Predicate& predicate);
  Result<std::shared_ptr<arrow::RecordBatch>> ReadSegment(
      const Morsel& morsel, const std::vector<ColumnId>& columns,
      storage::Segment::ReadCounts& counts, const storage::SegmentReader::GoOn& go_on) const;
  /// Reserves what decoding a row group takes. kOverloaded when others hold it for too long.
  Status ReserveFor(const Morsel& morsel, const std::vector<ColumnId>& columns,
                    const QueryContext& context, runtime::MemoryReservation& memory,
                    QueryStats& stats) const;
  Result<std::vector<std::int32_t>> Select(const arrow::RecordBatch& batch,
                                           const QueryContext& context) const;
  Result<ScannedRows> ReadMorsel(const Morsel& morsel, const QueryContext& context,
                                 QueryStats& stats) const;
  Result<ScannedRows> ReadPicked(const Morsel& morsel, std::int64_t rows_max,
                                 const QueryContext& context, QueryStats& stats) const;

  const storage::SourceSnapshot* snapshot_ = nullptr;
  std::optional<Predicate> predicate_;
  std::vector<ScanColumn> paths_;
  std::vector<ColumnId> filter_columns_;
  std::vector<ColumnId> output_;
  std::vector<ColumnId> rest_;  ///< Of output_, not among filter_columns_.
  IndexQuestions questions_;
  KnownColumns typical_;  ///< Of the largest segment.
  std::optional<PredicateEvaluator> evaluator_;
};

}  // namespace granary::query
