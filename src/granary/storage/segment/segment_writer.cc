#include "granary/storage/segment/segment_writer.h"

#include <algorithm>

#include <arrow/array.h>
#include <arrow/chunked_array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "granary/base/check.h"
#include "granary/storage/segment/document_lanes.h"
#include "granary/storage/segment/file_types.h"
#include "granary/storage/segment/parquet_file.h"
#include "granary/storage/segment/segment_format.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::storage {
namespace {

constexpr std::string_view kAsideSuffix = ".tmp";  // What a crash leaves is swept by that name.

constexpr std::uint64_t kFewValues = 1'000;

std::vector<ColumnId> FileColumns(const Schema& schema) {
  std::vector<ColumnId> ids;
  for (const Column& column : schema.columns()) ids.push_back(column.id);
  ids.push_back(kSequenceColumnId);
  return ids;
}

/// A dictionary of values that hardly come twice costs time and saves no space.
bool IsMostlyDistinct(const ColumnStats& stats) {
  const auto distinct = DistinctEstimate(stats);
  return distinct && *distinct > kFewValues &&
         *distinct > (stats.rows - stats.nulls.value_or(0)) / 2;
}

/// A file that goes away at the end of the scope.
class Leftover {
 public:
  Leftover(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  ~Leftover() { (void)files_.Remove(path_); }
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;

 private:
  io::FileSystem& files_;
  std::string path_;
};

}  // namespace

/// The Parquet file is started with its first row group: by then the forms of most columns are
/// known.
struct SegmentWriter::State {
  io::FileSystem& files;
  io::Failpoints& failpoints;
  std::string directory;
  std::string relative_path;
  SchemaPtr schema;
  SegmentWriterOptions options;

  std::unique_ptr<ParquetFile> file;
  PreferredForms preferred;
  std::vector<StatsBuilder> stats;
  std::vector<arrow::ArrayVector> pending;  ///< In memory's types; a column each, then sequences.
  std::int64_t pending_rows = 0;
  std::optional<DocumentLanes> documents;  ///< Of json columns, when there are any.
  SegmentMeta meta;
  Status failure;

  std::string path() const { return io::JoinPath(directory, relative_path); }

  Status Create();
  Status Add(const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Int64Array>& sequences);
  Status Finish();

 private:
  Status CheckForms(const arrow::RecordBatch& batch);
  Status Rewrite();
  Status WriteFooter(SegmentMeta& into);
  Status CopyRowGroups(const SegmentReader& reader);
  void AddSequences(const arrow::Int64Array& sequences);
  Status StartFile();
  Status WriteRowGroup(std::vector<arrow::ArrayVector> columns, std::int64_t rows);
  Status WritePending(std::int64_t rows);
};

Status SegmentWriter::State::Create() {
  GRANARY_TRY(files.CreateDirectories(io::ParentPath(path())));
  GRANARY_ASSIGN(file, ParquetFile::Create(files, path()));
  const std::size_t columns = schema->columns().size();
  preferred.assign(columns, true);
  pending.resize(columns + 1);
  for (const Column& column : schema->columns()) stats.emplace_back(column.type);
  if (DocumentLanes::AnyIn(*schema)) documents.emplace(*schema, options.shred);
  return Status::Ok();
}

Status SegmentWriter::State::Add(const arrow::RecordBatch& batch,
                                 const std::shared_ptr<arrow::Int64Array>& sequences) {
  GRANARY_CHECK(batch.num_columns() == static_cast<int>(stats.size()), "{} columns, not {}",
                batch.num_columns(), stats.size());
  GRANARY_CHECK(sequences->length() == batch.num_rows() && sequences->null_count() == 0,
                "{} sequences, {} null, for {} rows", sequences->length(), sequences->null_count(),
                batch.num_rows());
  if (batch.num_rows() == 0) return Status::Ok();
  GRANARY_TRY(CheckForms(batch));
  if (documents) documents->Count(batch);
  for (std::size_t i = 0; i < stats.size(); ++i) {
    const auto& array = batch.column(static_cast<int>(i));
    stats[i].Add(*array);
    pending[i].push_back(array);
  }
  pending.back().push_back(sequences);
  AddSequences(*sequences);
  pending_rows += batch.num_rows();
  while (pending_rows >= options.row_group_rows) GRANARY_TRY(WritePending(options.row_group_rows));
  return Status::Ok();
}

void SegmentWriter::State::AddSequences(const arrow::Int64Array& sequences) {
  const auto* values = sequences.raw_values();
  const auto [low, high] = std::minmax_element(values, values + sequences.length());
  const auto min = static_cast<std::uint64_t>(*low);
  meta.min_sequence = meta.rows == 0 ? min : std::min(meta.min_sequence, min);
  meta.max_sequence = std::max(meta.max_sequence, static_cast<std::uint64_t>(*high));
  meta.rows += static_cast<std::uint64_t>(sequences.length());
}

Status SegmentWriter::State::StartFile() {
  std::vector<bool> plain;
  for (const StatsBuilder& column : stats)
    plain.push_back(IsMostlyDistinct(column.FinishWithoutDistribution()));
  std::vector<ParquetFile::Lane> lanes;
  if (documents) lanes = documents->Begin();
  for (std::size_t i = 0; documents && i < plain.size(); ++i) {
    if (documents->HasLanes(i)) plain[i] = false;
  }
  return file->Start(FileSchema(*schema, preferred), *schema, plain, options, lanes);
}

/// Gives up the preferred form of columns that it does not hold any more.
Status SegmentWriter::State::CheckForms(const arrow::RecordBatch& batch) {
  bool changed = false;
  for (std::size_t i = 0; i < preferred.size(); ++i) {
    const DataType& type = schema->columns()[i].type;
    if (!preferred[i] || FitsPreferredForm(type, *batch.column(static_cast<int>(i)))) continue;
    preferred[i] = false;
    changed = true;
  }
  return changed && file->started() ? Rewrite() : Status::Ok();
}

/// The file so far is in forms that do not hold what comes: it is read back and written anew.
Status SegmentWriter::State::Rewrite() {
  SegmentMeta before;
  GRANARY_TRY(WriteFooter(before));
  GRANARY_TRY(file->Close());
  before.path = relative_path + std::string(kAsideSuffix);
  const std::string aside = io::JoinPath(directory, before.path);
  GRANARY_TRY(files.Rename(path(), aside));
  const Leftover leftover(files, aside);
  file->Keep();  // Its place is taken by the new one.
  GRANARY_ASSIGN(file, ParquetFile::Create(files, path()));
  GRANARY_TRY(StartFile());
  GRANARY_ASSIGN(const auto reader, SegmentReader::Open(files, directory, before, schema));
  return CopyRowGroups(*reader);
}

Status SegmentWriter::State::WriteFooter(SegmentMeta& into) {
  if (documents) GRANARY_TRY(file->AddMetadata(kShreddedKey, documents->Describe()));
  return file->WriteFooter(into);
}

Status SegmentWriter::State::CopyRowGroups(const SegmentReader& reader) {
  const std::vector<ColumnId> ids = FileColumns(*schema);
  for (int group = 0; group < reader.row_groups(); ++group) {
    GRANARY_ASSIGN(const auto batch, reader.Read(group, ids, *schema));
    std::vector<arrow::ArrayVector> columns;
    for (const auto& column : batch->columns()) columns.push_back({column});
    GRANARY_TRY(WriteRowGroup(std::move(columns), batch->num_rows()));
  }
  return Status::Ok();
}

/// Writes the first `rows` rows of `columns`, which are in memory's types.
Status SegmentWriter::State::WriteRowGroup(std::vector<arrow::ArrayVector> columns,
                                           std::int64_t rows) {
  if (documents) GRANARY_TRY(documents->Shred(columns).At(file->path()));
  std::vector<std::shared_ptr<arrow::ChunkedArray>> converted;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& type = file->file_schema().field(static_cast<int>(i))->type();
    arrow::ArrayVector chunks;
    for (const auto& array : columns[i]) {
      auto chunk = ToFileArray(array, type);
      GRANARY_TRY(FromArrow(chunk.status(), file->path(), Code::kOverloaded));
      chunks.push_back(chunk.MoveValueUnsafe());
    }
    converted.push_back(std::make_shared<arrow::ChunkedArray>(std::move(chunks), type));
  }
  return file->WriteRowGroup(converted, rows);
}

Status SegmentWriter::State::WritePending(std::int64_t rows) {
  GRANARY_TRY(failpoints.Hit("segment.row_group"));
  if (!file->started()) GRANARY_TRY(StartFile());
  std::vector<arrow::ArrayVector> now(pending.size());
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const arrow::ChunkedArray all(pending[i]);
    now[i] = all.Slice(0, rows)->chunks();
    pending[i] = rows < pending_rows ? all.Slice(rows)->chunks() : arrow::ArrayVector();
  }
  pending_rows -= rows;
  return WriteRowGroup(std::move(now), rows);
}

Status SegmentWriter::State::Finish() {
  if (pending_rows > 0) GRANARY_TRY(WritePending(pending_rows));
  if (!file->started()) GRANARY_TRY(StartFile());
  GRANARY_TRY(WriteFooter(meta));
  GRANARY_TRY(failpoints.Hit("segment.before_sync"));
  GRANARY_TRY(file->Sync());
  meta.path = relative_path;
  meta.schema_version = schema->version();
  for (std::size_t i = 0; i < stats.size(); ++i) {
    meta.columns.emplace(schema->columns()[i].id, stats[i].Finish());
  }
  return Status::Ok();
}

SegmentWriter::SegmentWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentWriter::~SegmentWriter() = default;

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(
    io::FileSystem& files, io::Failpoints& failpoints, std::string directory,
    std::string relative_path, SchemaPtr schema, SegmentWriterOptions options) {
  GRANARY_CHECK(options.row_group_rows > 0);
  auto state = std::unique_ptr<State>(new State{.files = files,
                                                .failpoints = failpoints,
                                                .directory = std::move(directory),
                                                .relative_path = std::move(relative_path),
                                                .schema = std::move(schema),
                                                .options = std::move(options)});
  GRANARY_TRY(state->Create());
  return std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(state)));
}

Status SegmentWriter::Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                             const std::shared_ptr<arrow::Int64Array>& sequences) {
  if (state_->failure.ok()) state_->failure = state_->Add(*batch, sequences);
  return state_->failure;
}

Result<SegmentMeta> SegmentWriter::Finish() {
  if (state_->failure.ok()) state_->failure = state_->Finish();
  GRANARY_TRY(state_->failure);
  state_->file->Keep();
  state_->failure = Status::Internal("the segment is finished");
  return std::move(state_->meta);
}

std::uint64_t SegmentWriter::bytes_written() const { return state_->file->bytes_written(); }

}  // namespace granary::storage
