#include "granary/query/exec/source_scan.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <chrono>

#include "granary/json/rest_split.h"
#include "granary/query/exec/page_pruning.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/query/exec/take_rows.h"

namespace granary::query {
namespace {

// Rows that are filtered between two looks at the token: few at first, since one that costs twenty
// milliseconds is possible, and as many soon as are done in a short time.
constexpr std::int64_t kFirstStepRows = 4;
constexpr std::chrono::milliseconds kShortStep{1};
constexpr std::chrono::milliseconds kLongStep{8};

// A guess at what a value takes, until it is decoded.
constexpr std::uint64_t kBytesOfNumber = 8, kBytesOfText = 32;

constexpr std::chrono::milliseconds kLookEvery{10};

/// Pages are left out when those that stay have at most so much of the rows: else to read the whole
/// column chunk, and to keep it for others, is better.
constexpr std::int64_t kPagesPercent = 80;

/// So many of an index's rows are filtered at first, though the limit be lower.
constexpr std::int64_t kFirstPicked = 64;

bool Has(const std::vector<ColumnId>& columns, ColumnId id) {
  return std::find(columns.begin(), columns.end(), id) != columns.end();
}

/// The hot chunk's columns in the snapshot's schema.
Result<std::shared_ptr<arrow::RecordBatch>> DecodeChunk(const storage::HotChunk& chunk,
                                                        const Schema& schema,
                                                        const std::vector<ColumnId>& columns) {
  std::shared_ptr<arrow::RecordBatch> batch = chunk.batch;
  if (!(*chunk.schema == schema)) {  // A rewound snapshot shows fewer columns of one version.
    GRANARY_ASSIGN(batch, json::ProjectRecords(chunk.batch, *chunk.schema, schema));
  }
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const ColumnId id : columns) {
    if (id == kSequenceColumnId) {
      fields.push_back(arrow::field(std::string(kSequenceColumnName), arrow::int64()));
      arrays.push_back(chunk.sequences);
      continue;
    }
    const int at = schema.IndexOfId(id);
    if (at < 0) return Status::Internal("a scan of a column that the schema lacks");
    fields.push_back(batch->schema()->field(at));
    arrays.push_back(batch->column(at));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch->num_rows(),
                                  std::move(arrays));
}

/// `columns` of two batches that between them hold them all.
std::shared_ptr<arrow::RecordBatch> Pick(const std::vector<ColumnId>& columns,
                                         const std::vector<ColumnId>& left_ids,
                                         const arrow::RecordBatch& left,
                                         const std::vector<ColumnId>& right_ids,
                                         const arrow::RecordBatch* right) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const ColumnId id : columns) {
    const bool in_left = Has(left_ids, id);
    const auto& ids = in_left ? left_ids : right_ids;
    const arrow::RecordBatch& batch = in_left ? left : *right;
    const auto at = static_cast<int>(std::find(ids.begin(), ids.end(), id) - ids.begin());
    fields.push_back(batch.schema()->field(at));
    arrays.push_back(batch.column(at));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), left.num_rows(),
                                  std::move(arrays));
}

/// Those of a segment's rows that are in one row group, counted from its first.
std::shared_ptr<const RowNumbers> PickedIn(const RowNumbers& rows, std::int64_t begin,
                                           std::int64_t count) {
  const auto first = std::lower_bound(rows.begin(), rows.end(), begin);
  const auto last = std::lower_bound(first, rows.end(), begin + count);
  auto within = std::make_shared<RowNumbers>(first, last);
  for (std::int32_t& row : *within) row -= static_cast<std::int32_t>(begin);
  return within;
}

/// Makes a row group's morsel one of the rows that its pages leave, where that is worth it.
void TakePages(const PagesLeft& left, Morsel& morsel) {
  const std::int64_t rows = CountRows(left.rows);
  if (rows * 100 > morsel.rows * kPagesPercent) return;
  morsel.rows = rows;
  morsel.spans = std::make_shared<const storage::RowSpans>(left.rows);
}

/// Positions of deleted rows in the morsel of a row group that begins at `begin`; null: none.
std::shared_ptr<const RowNumbers> DeletedOf(const storage::RowSet& deleted, std::int64_t begin,
                                            const Morsel& morsel) {
  const storage::RowSpans all = {{0, morsel.rows}};
  auto rows = std::make_shared<RowNumbers>();
  std::int64_t before = 0;
  for (const storage::RowSpan& span : morsel.spans == nullptr ? all : *morsel.spans) {
    const std::size_t first = rows->size();
    deleted.AppendIn(static_cast<std::uint64_t>(begin + span.begin),
                     static_cast<std::uint64_t>(begin + span.end), *rows);
    for (std::size_t i = first; i < rows->size(); ++i)
      (*rows)[i] += static_cast<std::int32_t>(before);
    before += span.rows();
  }
  return rows->empty() ? nullptr : std::shared_ptr<const RowNumbers>(std::move(rows));
}

/// The rows of a hot chunk that a snapshot up to `sequence` lacks; null: none.
std::shared_ptr<const RowNumbers> EndedRows(const storage::HotChunk& chunk,
                                            std::uint64_t sequence) {
  if (chunk.ends == nullptr || !chunk.ends->any()) return nullptr;
  auto ended = std::make_shared<RowNumbers>();
  chunk.ends->AppendEnded(chunk.ends_first, chunk.batch->num_rows(), sequence, *ended);
  return ended->empty() ? nullptr : std::shared_ptr<const RowNumbers>(std::move(ended));
}

/// Takes the deleted rows out of those that match; all `rows` of them when there is no selection.
void SelectLeft(const Morsel& morsel, std::int64_t rows,
                std::optional<std::vector<std::int32_t>>& selected) {
  if (morsel.deleted == nullptr) return;
  const RowNumbers& gone = *morsel.deleted;
  std::vector<std::int32_t> left;
  if (selected) {
    std::set_difference(selected->begin(), selected->end(), gone.begin(), gone.end(),
                        std::back_inserter(left));
  } else {
    left.reserve(static_cast<std::size_t>(rows) - gone.size());
    std::size_t next = 0;
    for (std::int32_t row = 0; row < rows; ++row) {
      if (next < gone.size() && gone[next] == row)
        ++next;
      else
        left.push_back(row);
    }
  }
  selected = std::move(left);
}

/// Of the row group, before an index's rows are picked.
std::int64_t RowsToDecode(const Morsel& morsel) {
  return morsel.spans == nullptr ? morsel.reader->rows(morsel.row_group) : morsel.rows;
}

/// What is read of a whole row group, as a morsel has it that page indexes chose.
Result<std::shared_ptr<arrow::RecordBatch>> TakeSpans(std::shared_ptr<arrow::RecordBatch> batch,
                                                      const Morsel& morsel) {
  if (morsel.spans == nullptr) return batch;
  RowNumbers rows;
  rows.reserve(static_cast<std::size_t>(morsel.rows));
  for (const storage::RowSpan& span : *morsel.spans) {
    for (std::int64_t row = span.begin; row < span.end; ++row)
      rows.push_back(static_cast<std::int32_t>(row));
  }
  return TakeRows(*batch, rows);
}

Result<std::shared_ptr<arrow::RecordBatch>> TakePicked(std::shared_ptr<arrow::RecordBatch> batch,
                                                       const Morsel& morsel) {
  if (morsel.picked == nullptr) return batch;
  return TakeRows(*batch, *morsel.picked);
}

/// Takes the deleted rows of a segment out of those that an index chose.
void DropDeleted(const PlannedSegment& planned, std::optional<RowNumbers>& picked) {
  if (planned.deleted == nullptr || !picked) return;
  std::erase_if(*picked, [&](std::int32_t row) {
    return planned.deleted->Contains(static_cast<std::uint32_t>(row));
  });
}

/// What is known of the columns of a source's largest segment, for the order of a filter's parts.
KnownColumns KnownInLargest(const storage::SourceSnapshot& snapshot) {
  const storage::Segment* largest = nullptr;
  for (const auto& segment : snapshot.segments) {
    if (largest == nullptr || segment->meta().rows > largest->meta().rows) largest = segment.get();
  }
  if (largest == nullptr) return {};
  const Schema* schema = snapshot.schema.get();
  return [largest, schema](ColumnId id) -> const storage::ColumnEstimator* {
    const Column* now = schema->FindId(id);
    const Column* then = largest->file_schema()->FindId(id);
    const bool is_the_same = now != nullptr && then != nullptr && now->type == then->type;
    return is_the_same ? largest->Estimator(id) : nullptr;
  };
}

/// Where a morsel's work is measured; null when nobody wants to know.
Measured* MeasuredOf(const Morsel& morsel, const QueryContext& context) {
  if (context.record == nullptr) return nullptr;
  return &context.record->sources[morsel.source].groups[morsel.group];
}

}  // namespace

Result<SourceScan> SourceScan::Make(const storage::SourceSnapshot& snapshot,
                                    std::optional<Predicate> predicate,
                                    const std::vector<ScanColumn>& output) {
  SourceScan scan;
  scan.snapshot_ = &snapshot;
  scan.predicate_ = std::move(predicate);
  for (const ScanColumn& column : output) scan.output_.push_back(scan.IdOf(column));
  if (scan.predicate_) {
    scan.questions_ = QuestionsOf(*scan.predicate_);
    Predicate numbered = *scan.predicate_;
    scan.NumberPaths(numbered);
    scan.filter_columns_ = numbered.Columns();
    GRANARY_ASSIGN(scan.evaluator_, PredicateEvaluator::Make(numbered, scan.filter_columns_,
                                                             KnownInLargest(snapshot)));
  }
  for (const ColumnId id : scan.output_) {
    if (!Has(scan.filter_columns_, id)) scan.rest_.push_back(id);
  }
  return scan;
}

ColumnId SourceScan::IdOf(const ScanColumn& column) {
  if (column.path.empty()) return column.id;
  const auto found = std::find(paths_.begin(), paths_.end(), column);
  const auto at = static_cast<ColumnId>(found - paths_.begin());
  if (found == paths_.end()) paths_.push_back(column);
  return -at - 1;
}

void SourceScan::NumberPaths(Predicate& predicate) {
  for (Predicate& child : predicate.children) NumberPaths(child);
  if (!predicate.path.empty()) predicate.column = IdOf({predicate.column, predicate.path});
}

std::int64_t Morsel::RowIn(std::int64_t row) const {
  if (picked != nullptr) return (*picked)[static_cast<std::size_t>(row)];
  if (spans == nullptr) return row;
  for (const storage::RowSpan& span : *spans) {
    if (row < span.rows()) return span.begin + row;
    row -= span.rows();
  }
  return row;
}

Result<AccessPlan> SourceScan::Plan(const AccessAsk& given, const QueryContext& context,
                                    QueryStats& stats) const {
  static const OptimizerOptions kDefault;
  const AccessInput input{*snapshot_, predicate_ ? &*predicate_ : nullptr, questions_,
                          filter_columns_, rest_};
  AccessAsk ask = given;
  ask.cancel = &context.cancel;
  GRANARY_ASSIGN(
      AccessPlan plan,
      PlanAccess(input, ask, context.optimizer == nullptr ? kDefault : *context.optimizer));
  stats.segments_total += plan.segments_total;
  stats.segments_pruned += plan.pruned.size();
  if (context.record != nullptr) context.record->Add(plan, questions_.questions.size());
  return plan;
}

std::optional<RowNumbers> SourceScan::PickRows(const AccessPlan& plan,
                                               const PlannedSegment& planned,
                                               std::deque<Measured>* measured,
                                               QueryStats& stats) const {
  const SegmentChoice& choice = planned.choice;
  if (choice.probe >= 0) {
    const ProbeOrder order{questions_, plan.choices.probes[static_cast<std::size_t>(choice.probe)],
                           choice.found_max, choice.picked_max, measured};
    return ProbeSegment(order, *planned.segment, stats);
  }
  if (choice.way != kFirst) return std::nullopt;
  RowNumbers all;
  for (const AccessAsk::Order& first : plan.first_by) {
    // Those that are deleted may be the first ones.
    const auto rows =
        ProbeFirst(*planned.segment, first.column, first.order,
                   plan.first_count + planned.deleted_rows(), choice.found_max, stats);
    if (!rows) return std::nullopt;
    RowNumbers both;
    std::set_union(all.begin(), all.end(), rows->begin(), rows->end(), std::back_inserter(both));
    all = std::move(both);
  }
  return all;
}

Result<std::vector<Morsel>> SourceScan::RowGroupsOf(std::size_t source,
                                                    const PlannedSegment& planned,
                                                    const std::optional<RowNumbers>& picked,
                                                    const QueryContext& context,
                                                    QueryStats& stats) const {
  std::vector<Morsel> morsels;
  if (picked && picked->empty()) return morsels;
  GRANARY_ASSIGN(const auto reader, planned.segment->Reader());
  const bool by_pages = planned.choice.way == kPages;
  const SegmentPages* pages = planned.pages.get();
  if (by_pages && pages == nullptr) {
    std::vector<ColumnId> columns = filter_columns_;
    columns.insert(columns.end(), rest_.begin(), rest_.end());
    planned.segment->LoadPages(*reader, columns, stats.bytes_read);
  }
  std::int64_t begin = 0;  // Of the row group, in the segment.
  for (int group = 0; group < reader->row_groups(); begin += reader->rows(group++)) {
    GRANARY_TRY(context.cancel.Check());
    Morsel morsel{
        source, planned.segment, reader, group, nullptr, reader->rows(group), planned.all_match,
        nullptr};
    morsel.group = planned.choice.group;
    if (picked) {
      morsel.picked = PickedIn(*picked, begin, reader->rows(group));
      morsel.rows = static_cast<std::int64_t>(morsel.picked->size());
      if (morsel.rows == 0) continue;
    }
    if (!planned.all_match) {
      const storage::Outcomes outcomes =
          StatsView::OfRowGroup(*reader, group, *snapshot_->schema).OutcomesOf(*predicate_);
      if (outcomes.NoneMatch()) continue;
      morsel.all_match = outcomes.AllMatch();
    }
    if (by_pages && !morsel.all_match) {
      if (pages != nullptr) {
        TakePages(pages->groups[static_cast<std::size_t>(group)], morsel);
      } else {
        GRANARY_ASSIGN(const PagesLeft left, PagesThatMayMatch(*reader, group, *snapshot_->schema,
                                                               *predicate_, context.cancel));
        TakePages(left, morsel);
      }
      if (morsel.spans != nullptr) stats.access_paths.insert("page_index");
      if (morsel.rows == 0) continue;
    }
    if (planned.deleted != nullptr && !picked) {
      morsel.deleted = DeletedOf(*planned.deleted, begin, morsel);
      if (morsel.deleted != nullptr &&
          static_cast<std::int64_t>(morsel.deleted->size()) == morsel.rows)
        continue;
    }
    morsels.push_back(std::move(morsel));
  }
  return morsels;
}

Result<std::vector<Morsel>> SourceScan::RowGroups(std::size_t source, const AccessPlan& plan,
                                                  std::span<const PlannedSegment> segments,
                                                  const QueryContext& context,
                                                  QueryStats& stats) const {
  std::vector<std::vector<Morsel>> of_segment(segments.size());
  std::vector<QueryStats> parts(segments.size());
  PlanRecord::OfSource* record =
      context.record == nullptr ? nullptr : &context.record->sources[source];
  GRANARY_TRY(
      context.pool.ParallelFor(segments.size(), context.parallelism, [&](std::size_t i) -> Status {
        GRANARY_TRY(context.cancel.Check());
        Stopwatch watch(record == nullptr ? nullptr : &record->groups[segments[i].choice.group]);
        auto picked =
            PickRows(plan, segments[i], record == nullptr ? nullptr : &record->questions, parts[i]);
        DropDeleted(segments[i], picked);
        GRANARY_ASSIGN(of_segment[i], RowGroupsOf(source, segments[i], picked, context, parts[i]));
        return Status::Ok();
      }));
  for (const QueryStats& part : parts) stats.Add(part);
  std::vector<Morsel> morsels;
  for (std::vector<Morsel>& some : of_segment) {
    if (some.empty()) ++stats.segments_pruned;
    std::move(some.begin(), some.end(), std::back_inserter(morsels));
  }
  return morsels;
}

std::vector<Morsel> SourceScan::HotChunks(std::size_t source, const AccessPlan& plan,
                                          const QueryContext& context) const {
  std::vector<Morsel> morsels;
  for (const PlannedChunk& planned : plan.hot) {
    const storage::HotChunk& chunk = *planned.chunk;
    Morsel morsel{source,      nullptr, nullptr, 0, &chunk, chunk.batch->num_rows(),
                  !predicate_, nullptr};
    morsel.group = planned.choice.group;
    const auto ended = EndedRows(chunk, snapshot_->visible_sequence);
    if (ended != nullptr) {
      if (static_cast<std::int64_t>(ended->size()) == morsel.rows) continue;
      morsel.deleted = ended;
    }
    if (planned.choice.probe >= 0) {
      PlanRecord::OfSource* record =
          context.record == nullptr ? nullptr : &context.record->sources[source];
      const ProbeOrder order{questions_,
                             plan.choices.probes[static_cast<std::size_t>(planned.choice.probe)],
                             planned.choice.found_max, planned.choice.picked_max,
                             record == nullptr ? nullptr : &record->questions};
      if (auto rows = ProbeChunk(order, chunk)) {
        if (ended != nullptr) {
          RowNumbers left;
          std::set_difference(rows->begin(), rows->end(), ended->begin(), ended->end(),
                              std::back_inserter(left));
          *rows = std::move(left);
          morsel.deleted = nullptr;
        }
        if (rows->empty()) continue;
        morsel.rows = static_cast<std::int64_t>(rows->size());
        morsel.picked = std::make_shared<const RowNumbers>(std::move(*rows));
      }
    }
    morsels.push_back(std::move(morsel));
  }
  return morsels;
}

Result<std::shared_ptr<arrow::RecordBatch>> SourceScan::Decode(const Morsel& morsel,
                                                               const std::vector<ColumnId>& columns,
                                                               const QueryContext& context,
                                                               runtime::MemoryReservation& memory,
                                                               QueryStats& stats) const {
  if (morsel.chunk != nullptr) {
    stats.access_paths.insert("hot");
    std::vector<ColumnId> stored = columns;
    for (ColumnId& id : stored) id = id < 0 ? PathOf(id).id : id;
    GRANARY_ASSIGN(auto batch, DecodeChunk(*morsel.chunk, *snapshot_->schema, stored));
    return TakePicked(std::move(batch), morsel);
  }
  const std::uint64_t before = memory.bytes();
  GRANARY_TRY(ReserveFor(morsel, columns, context, memory));
  storage::Segment::ReadCounts counts;
  GRANARY_ASSIGN(auto batch, ReadSegment(morsel, columns, counts,
                                         [&context] { return context.cancel.Check(); }));
  stats.bytes_read += counts.bytes_read;
  if (counts.columns_cached > 0) stats.access_paths.insert("column_cache");
  if (morsel.picked == nullptr && counts.columns_decoded > 0)
    stats.access_paths.insert(morsel.spans == nullptr ? "full_scan" : "page_index");
  if (batch->num_rows() != RowsToDecode(morsel))
    return Status::Corruption("a row group with another number of rows");
  GRANARY_ASSIGN(batch, TakePicked(std::move(batch), morsel));
  // What is decoded for the picked rows alone is gone again. Nothing of what stays is given up for
  // a moment: somebody else would take it.
  const std::uint64_t stays =
      before + static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*batch));
  if (stays < memory.bytes())
    memory.ShrinkTo(stays);
  else
    memory.ForceTo(stays);
  return batch;
}

Result<std::shared_ptr<arrow::RecordBatch>> SourceScan::ReadSegment(
    const Morsel& morsel, const std::vector<ColumnId>& columns,
    storage::Segment::ReadCounts& counts, const storage::SegmentReader::GoOn& go_on) const {
  const Schema& schema = *snapshot_->schema;
  if (paths_.empty() && morsel.spans != nullptr)
    return morsel.segment->ReadRows(morsel.row_group, *morsel.spans, columns, schema, counts,
                                    go_on);
  if (paths_.empty()) return morsel.segment->Read(morsel.row_group, columns, schema, counts, go_on);
  arrow::ArrayVector arrays(columns.size());
  std::vector<ColumnId> stored(columns);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] >= 0) continue;
    const ScanColumn& inside = PathOf(columns[i]);
    stored[i] = inside.id;
    GRANARY_ASSIGN(arrays[i], morsel.segment->ReadPath(morsel.row_group, inside.id, inside.path,
                                                       schema, counts, go_on));
  }
  std::vector<ColumnId> whole;  // What the paths do not answer.
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (arrays[i] == nullptr && !Has(whole, stored[i])) whole.push_back(stored[i]);
  }
  std::shared_ptr<arrow::RecordBatch> batch;
  if (!whole.empty()) {
    GRANARY_ASSIGN(batch, morsel.segment->Read(morsel.row_group, whole, schema, counts, go_on));
  }
  arrow::FieldVector fields;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (arrays[i] == nullptr) {
      const auto at = std::find(whole.begin(), whole.end(), stored[i]) - whole.begin();
      arrays[i] = batch->column(static_cast<int>(at));
    }
    fields.push_back(arrow::field("", arrays[i]->type()));
  }
  return TakeSpans(
      arrow::RecordBatch::Make(arrow::schema(std::move(fields)),
                               morsel.reader->rows(morsel.row_group), std::move(arrays)),
      morsel);
}

Status SourceScan::ReserveFor(const Morsel& morsel, const std::vector<ColumnId>& columns,
                              const QueryContext& context,
                              runtime::MemoryReservation& memory) const {
  if (context.memory == nullptr) return Status::Ok();
  std::uint64_t row_bytes = 0;
  for (const ColumnId id : columns) {
    const Column* column = snapshot_->schema->FindId(id);
    const bool is_text = id < 0 || (column != nullptr && column->type.IsBytes());
    row_bytes += is_text ? kBytesOfText : kBytesOfNumber;
  }
  const std::uint64_t wanted =
      memory.bytes() + row_bytes * static_cast<std::uint64_t>(RowsToDecode(morsel));
  const auto give_up = std::chrono::steady_clock::now() + context.memory_wait_max;
  auto count = runtime::Refusals::kCounted;
  while (const runtime::MemoryBudget* refused_by = memory.GrowTo(wanted, count)) {
    count = runtime::Refusals::kRepeated;
    const bool must = context.goes_first != nullptr && (*context.goes_first)();
    if (refused_by == context.memory || must || context.memory->IsAlone()) {
      memory.ForceTo(wanted);
      break;
    }
    GRANARY_TRY(context.cancel.Check());
    if (std::chrono::steady_clock::now() >= give_up)
      return runtime::OutOfMemory(*refused_by, wanted);
    context.memory->WaitForRelease(kLookEvery);
  }
  return Status::Ok();
}

Result<std::vector<std::int32_t>> SourceScan::Select(const arrow::RecordBatch& batch,
                                                     const QueryContext& context) const {
  using Clock = std::chrono::steady_clock;
  std::vector<std::int32_t> selected;
  ByteMask truth;
  // A pattern may take a microsecond a row or a millisecond: the step follows.
  std::int64_t step = std::min(context.batch_rows, kFirstStepRows);
  for (std::int64_t first = 0, count = 0; first < batch.num_rows(); first += count) {
    GRANARY_TRY(context.cancel.Check());
    const auto begin = Clock::now();
    count = std::min(step, batch.num_rows() - first);
    GRANARY_TRY(evaluator_->Evaluate(batch, first, count, truth));
    AppendSetRows(truth.data(), count, static_cast<std::int32_t>(first), selected);
    const auto took = Clock::now() - begin;
    if (took < kShortStep) step = std::min(2 * step, context.batch_rows);
    if (took > kLongStep) step = std::max<std::int64_t>(step / 8, 1);
  }
  return selected;
}

Result<ScannedRows> SourceScan::Read(const Morsel& morsel, const QueryContext& context,
                                     QueryStats& stats) const {
  Stopwatch watch(MeasuredOf(morsel, context));
  auto scanned = ReadMorsel(morsel, context, stats);
  if (scanned.ok()) watch.rows = static_cast<std::uint64_t>(scanned->matches());
  return scanned;
}

Result<ScannedRows> SourceScan::ReadFirst(const Morsel& morsel, std::int64_t rows_max,
                                          const QueryContext& context, QueryStats& stats) const {
  Stopwatch watch(MeasuredOf(morsel, context));
  auto scanned = ReadPicked(morsel, rows_max, context, stats);
  if (scanned.ok()) watch.rows = static_cast<std::uint64_t>(scanned->rows);
  return scanned;
}

Result<ScannedRows> SourceScan::ReadMorsel(const Morsel& morsel, const QueryContext& context,
                                           QueryStats& stats) const {
  GRANARY_TRY(context.cancel.Check());
  ScannedRows scanned{.memory = runtime::MemoryReservation(context.memory)};
  scanned.rows = morsel.rows;
  if (morsel.all_match) {
    SelectLeft(morsel, morsel.rows, scanned.selected);
    if (!output_.empty()) {
      GRANARY_ASSIGN(scanned.batch, Decode(morsel, output_, context, scanned.memory, stats));
      stats.rows_scanned += static_cast<std::uint64_t>(morsel.rows);
      context.Scanned(morsel.rows);
    } else {
      stats.access_paths.insert("metadata");
    }
    return scanned;
  }
  GRANARY_ASSIGN(const auto filtered,
                 Decode(morsel, filter_columns_, context, scanned.memory, stats));
  stats.rows_scanned += static_cast<std::uint64_t>(morsel.rows);
  context.Scanned(morsel.rows);
  GRANARY_ASSIGN(std::vector<std::int32_t> selected, Select(*filtered, context));
  if (static_cast<std::int64_t>(selected.size()) < morsel.rows)
    scanned.selected = std::move(selected);
  SelectLeft(morsel, morsel.rows, scanned.selected);
  const bool any = scanned.matches() > 0;
  if (!any || output_.empty()) return scanned;

  std::shared_ptr<arrow::RecordBatch> rest;
  if (!rest_.empty()) {
    GRANARY_ASSIGN(rest, Decode(morsel, rest_, context, scanned.memory, stats));
  }
  scanned.batch = Pick(output_, filter_columns_, *filtered, rest_, rest.get());
  return scanned;
}

Result<ScannedRows> SourceScan::ReadPicked(const Morsel& morsel, std::int64_t rows_max,
                                           const QueryContext& context, QueryStats& stats) const {
  ScannedRows scanned{.memory = runtime::MemoryReservation(context.memory)};
  std::vector<std::int32_t>& selected = scanned.selected.emplace();
  const RowNumbers& picked = *morsel.picked;
  auto next = std::lower_bound(picked.begin(), picked.end(), morsel.skip);
  Morsel part = morsel;
  RowNumbers found;
  std::int64_t step = std::max(2 * rows_max, kFirstPicked);
  while (next != picked.end() && static_cast<std::int64_t>(found.size()) < rows_max) {
    GRANARY_TRY(context.cancel.Check());
    const auto first = static_cast<std::int32_t>(next - picked.begin());
    const auto end = picked.end() - next > step ? next + step : picked.end();
    auto rows = std::make_shared<const RowNumbers>(next, end);
    part.rows = end - next;
    part.picked = rows;
    next = end;
    step *= 2;
    if (morsel.all_match) {
      found.insert(found.end(), rows->begin(), rows->end());
      for (std::int32_t row = 0; row < part.rows; ++row) selected.push_back(first + row);
      continue;
    }
    GRANARY_ASSIGN(const auto filtered,
                   Decode(part, filter_columns_, context, scanned.memory, stats));
    stats.rows_scanned += static_cast<std::uint64_t>(part.rows);
    context.Scanned(part.rows);
    GRANARY_ASSIGN(const std::vector<std::int32_t> matches, Select(*filtered, context));
    for (const std::int32_t row : matches) {
      found.push_back((*rows)[static_cast<std::size_t>(row)]);
      selected.push_back(first + row);
    }
  }
  if (static_cast<std::int64_t>(found.size()) > rows_max) {
    found.resize(static_cast<std::size_t>(rows_max));
    selected.resize(found.size());
  }
  scanned.rows = static_cast<std::int64_t>(found.size());
  if (found.empty() || output_.empty()) return scanned;
  part.rows = scanned.rows;
  part.picked = std::make_shared<const RowNumbers>(std::move(found));
  GRANARY_ASSIGN(scanned.batch, Decode(part, output_, context, scanned.memory, stats));
  if (morsel.all_match) {
    stats.rows_scanned += static_cast<std::uint64_t>(part.rows);
    context.Scanned(part.rows);
  }
  return scanned;
}

Result<ScannedRows> SourceScan::ReadAll(const Morsel& morsel, const QueryContext& context,
                                        QueryStats& stats) const {
  Stopwatch watch(context.record == nullptr ? nullptr : &context.record->fetched);
  ScannedRows scanned{.memory = runtime::MemoryReservation(context.memory)};
  scanned.rows = morsel.rows;
  GRANARY_ASSIGN(scanned.batch, Decode(morsel, output_, context, scanned.memory, stats));
  return scanned;
}

}  // namespace granary::query
