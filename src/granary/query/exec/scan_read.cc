// SourceScan's reading: a morsel's columns decoded, filtered, and the others fetched where it
// matters.
#include <algorithm>
#include <chrono>
#include <iterator>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include "granary/json/rest_split.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/source_scan.h"
#include "granary/query/exec/take_rows.h"
#include "granary/runtime/memory_wait.h"
#include "granary/types/unnamed_batch.h"

namespace granary::query {
namespace {

// Rows that are filtered between two looks at the token: few at first, since one that costs twenty
// milliseconds is possible, and as many soon as are done in a short time.
constexpr std::int64_t kFirstStepRows = 4;
constexpr std::chrono::milliseconds kShortStep{1};
constexpr std::chrono::milliseconds kLongStep{8};

// A guess at what a value takes, until it is decoded.
constexpr std::uint64_t kBytesOfNumber = 8, kBytesOfText = 32;

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
  arrow::ArrayVector arrays;
  for (const ColumnId id : columns) {
    if (id == kSequenceColumnId) {
      arrays.push_back(chunk.sequences);
      continue;
    }
    const int at = schema.IndexOfId(id);
    if (at < 0) return Status::Internal("a scan of a column that the schema lacks");
    arrays.push_back(batch->column(at));
  }
  return UnnamedBatch(batch->num_rows(), std::move(arrays));
}

/// `columns` of two batches that between them hold them all.
std::shared_ptr<arrow::RecordBatch> Pick(const std::vector<ColumnId>& columns,
                                         const std::vector<ColumnId>& left_ids,
                                         const arrow::RecordBatch& left,
                                         const std::vector<ColumnId>& right_ids,
                                         const arrow::RecordBatch* right) {
  arrow::ArrayVector arrays;
  for (const ColumnId id : columns) {
    const bool in_left = Has(left_ids, id);
    const auto& ids = in_left ? left_ids : right_ids;
    const arrow::RecordBatch& batch = in_left ? left : *right;
    const auto at = static_cast<int>(std::find(ids.begin(), ids.end(), id) - ids.begin());
    arrays.push_back(batch.column(at));
  }
  return UnnamedBatch(left.num_rows(), std::move(arrays));
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
  return morsel.spans == nullptr ? morsel.group_rows : morsel.rows;
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

void CountPicked(const Morsel& morsel, std::size_t columns, QueryStats& stats) {
  if (morsel.picked == nullptr) return;
  stats.work[Counted::kChunkPicked] += columns;
  stats.work[Counted::kValuePicked] += columns * morsel.picked->size();
}

/// Of which columns were decoded is not known: they are taken to be as the others.
void CountDecoded(const storage::Segment::ReadCounts& counts, const ColumnGroup& columns,
                  std::int64_t rows, WorkCounts& work) {
  work[Counted::kChunkDecoded] += counts.columns_decoded;
  work[Counted::kChunkCached] += counts.columns_cached;
  const std::uint64_t chunks = counts.columns_decoded + counts.columns_cached;
  if (counts.columns_decoded == 0 || chunks == 0) return;
  const double part = static_cast<double>(rows) * static_cast<double>(counts.columns_decoded) /
                      static_cast<double>(chunks);
  work[Counted::kNumberDecoded] += static_cast<std::uint64_t>(part * columns.numbers);
  work[Counted::kTextDecoded] += static_cast<std::uint64_t>(part * columns.texts);
}

void CountPages(const storage::Segment::ReadCounts& counts, std::int64_t rows, WorkCounts& work) {
  work[Counted::kPageChunk] += counts.columns_decoded;
  work[Counted::kValueTaken] += counts.columns_cached * static_cast<std::uint64_t>(rows);
}

/// Where a morsel's work is measured; null when nobody wants to know.
Measured* MeasuredOf(const Morsel& morsel, const QueryContext& context) {
  if (context.record == nullptr) return nullptr;
  return &context.record->sources[morsel.source].groups[morsel.group];
}

}  // namespace

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
    CountPicked(morsel, columns.size(), stats);
    return TakePicked(std::move(batch), morsel);
  }
  const std::uint64_t before = memory.bytes();
  GRANARY_TRY(ReserveFor(morsel, columns, context, memory, stats));
  storage::Segment::ReadCounts counts;
  GRANARY_ASSIGN(auto batch, ReadSegment(morsel, columns, counts,
                                         [&context] { return context.cancel.Check(); }));
  stats.bytes_read += counts.bytes_read;
  CountDecoded(counts, GroupOf(columns, *snapshot_->schema), batch->num_rows(), stats.work);
  if (morsel.spans != nullptr) CountPages(counts, batch->num_rows(), stats.work);
  CountPicked(morsel, columns.size(), stats);
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
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (arrays[i] != nullptr) continue;
    const auto at = std::find(whole.begin(), whole.end(), stored[i]) - whole.begin();
    arrays[i] = batch->column(static_cast<int>(at));
  }
  return TakeSpans(UnnamedBatch(morsel.group_rows, std::move(arrays)), morsel);
}

Status SourceScan::ReserveFor(const Morsel& morsel, const std::vector<ColumnId>& columns,
                              const QueryContext& context, runtime::MemoryReservation& memory,
                              QueryStats& stats) const {
  if (context.memory == nullptr) return Status::Ok();
  std::uint64_t row_bytes = 0;
  for (const ColumnId id : columns) {
    const Column* column = snapshot_->schema->FindId(id);
    const bool is_text = id < 0 || (column != nullptr && column->type.IsBytes());
    row_bytes += is_text ? kBytesOfText : kBytesOfNumber;
  }
  const std::uint64_t wanted =
      memory.bytes() + row_bytes * static_cast<std::uint64_t>(RowsToDecode(morsel));
  runtime::MemoryWait wait(*context.memory, context.memory_wait_max);
  auto count = runtime::Refusals::kCounted;
  while (const runtime::MemoryBudget* refused_by = memory.GrowTo(wanted, count)) {
    count = runtime::Refusals::kRepeated;
    const bool must = context.goes_first != nullptr && (*context.goes_first)();
    if (refused_by == context.memory || must || context.memory->IsAlone()) {
      memory.ForceTo(wanted);
      break;
    }
    GRANARY_TRY(context.cancel.Check());
    const auto begin = std::chrono::steady_clock::now();
    if (!wait.Pause(*refused_by, memory.bytes(), wanted - memory.bytes()))
      return runtime::OutOfMemory(*refused_by, wanted - memory.bytes());
    stats.waited_ns += static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
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
  Stopwatch watch(MeasuredOf(morsel, context), &stats);
  auto scanned = ReadMorsel(morsel, context, stats);
  if (scanned.ok()) watch.rows = static_cast<std::uint64_t>(scanned->matches());
  return scanned;
}

Result<ScannedRows> SourceScan::ReadFirst(const Morsel& morsel, std::int64_t rows_max,
                                          const QueryContext& context, QueryStats& stats) const {
  Stopwatch watch(MeasuredOf(morsel, context), &stats);
  auto scanned = ReadPicked(morsel, rows_max, context, stats);
  if (scanned.ok()) watch.rows = static_cast<std::uint64_t>(scanned->rows);
  return scanned;
}

Result<ScannedRows> SourceScan::ReadMorsel(const Morsel& morsel, const QueryContext& context,
                                           QueryStats& stats) const {
  GRANARY_TRY(context.cancel.Check());
  ++stats.work[Counted::kRowGroup];
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
  stats.work[Counted::kRowChecked] += static_cast<std::uint64_t>(morsel.rows);
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
  ++stats.work[Counted::kRowGroup];
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
    stats.work[Counted::kRowChecked] += static_cast<std::uint64_t>(part.rows);
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
