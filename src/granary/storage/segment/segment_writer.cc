#include "granary/storage/segment/segment_writer.h"

#include <algorithm>

#include <arrow/api.h>
#include <arrow/extension_type.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "granary/storage/segment/segment_format.h"
#include "granary/storage/segment/segment_sink.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::storage {
namespace {

arrow::Compression::type ArrowCodec(Codec codec) {
  switch (codec) {
    case Codec::kNone: return arrow::Compression::UNCOMPRESSED;
    case Codec::kSnappy: return arrow::Compression::SNAPPY;
    case Codec::kZstd: return arrow::Compression::ZSTD;
    case Codec::kLz4: return arrow::Compression::LZ4;
    case Codec::kGzip: return arrow::Compression::GZIP;
    case Codec::kBrotli: return arrow::Compression::BROTLI;
  }
  return arrow::Compression::SNAPPY;
}

std::shared_ptr<parquet::WriterProperties> WriterProperties(const SegmentWriterOptions& options) {
  parquet::WriterProperties::Builder builder;
  builder.version(parquet::ParquetVersion::PARQUET_2_6)
      ->enable_write_page_index()
      ->enable_page_checksum()
      ->max_row_group_length(options.row_group_rows)
      ->compression(ArrowCodec(options.compression.codec));
  if (options.compression.level) builder.compression_level(*options.compression.level);
  for (const auto& [name, codec] : options.compression.columns) {
    const auto path = parquet::schema::ColumnPath(std::vector<std::string>{name});
    builder.compression(std::make_shared<parquet::schema::ColumnPath>(path), ArrowCodec(codec));
  }
  const std::string sequence(kSequenceColumnName);
  builder.disable_dictionary(sequence)->encoding(sequence, parquet::Encoding::DELTA_BINARY_PACKED);
  builder.created_by("granary");
  return builder.build();
}

std::shared_ptr<arrow::Array> AsFileType(const std::shared_ptr<arrow::Array>& array,
                                         const std::shared_ptr<arrow::DataType>& type) {
  if (type->id() != arrow::Type::EXTENSION) return array;
  return arrow::ExtensionType::WrapArray(type, array);
}

}  // namespace

struct SegmentWriter::State {
  io::FileSystem& files;
  io::Failpoints& failpoints;
  std::string directory;
  std::string relative_path;
  SchemaPtr schema;
  SegmentWriterOptions options;

  std::string path;
  std::shared_ptr<SegmentSink> sink;
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  std::shared_ptr<arrow::Schema> file_schema;
  std::vector<StatsBuilder> stats;
  std::vector<arrow::ArrayVector> pending;  // Per file column, until a row group is full.
  std::int64_t pending_rows = 0;
  std::vector<std::uint32_t> checksums;
  SegmentMeta meta;
  bool finished = false;

  // The sink knows what really went wrong.
  Status Failed(const arrow::Status& status) const {
    if (status.ok()) return Status::Ok();
    return sink->failure().ok() ? FromArrow(status, path, Code::kInternal) : sink->failure().At(path);
  }

  Status Open() {
    path = io::JoinPath(directory, relative_path);
    GRANARY_TRY(files.CreateDirectories(io::ParentPath(path)));
    GRANARY_ASSIGN(auto file, files.OpenForWrite(path, io::OpenMode::kCreateNew));
    sink = std::make_shared<SegmentSink>(std::move(file));
    file_schema = FileSchema(*schema);
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    auto opened = parquet::arrow::FileWriter::Open(*file_schema, arrow::default_memory_pool(), sink,
                                                   WriterProperties(options), arrow_properties);
    GRANARY_TRY(Failed(opened.status()));
    writer = *std::move(opened);
    sink->TakeChecksum();  // The magic in front belongs to no column.
    pending.resize(static_cast<std::size_t>(file_schema->num_fields()));
    for (const Column& column : schema->columns()) stats.emplace_back(column.type);
    return Status::Ok();
  }

  void Collect(const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Int64Array>& sequences) {
    for (int i = 0; i < batch.num_columns(); ++i) {
      stats[static_cast<std::size_t>(i)].Add(*batch.column(i));
      pending[static_cast<std::size_t>(i)].push_back(AsFileType(batch.column(i), file_schema->field(i)->type()));
    }
    pending.back().push_back(sequences);
    pending_rows += batch.num_rows();
    for (std::int64_t i = 0; i < sequences->length(); ++i) {
      const auto sequence = static_cast<std::uint64_t>(sequences->Value(i));
      meta.min_sequence = meta.rows == 0 && i == 0 ? sequence : std::min(meta.min_sequence, sequence);
      meta.max_sequence = std::max(meta.max_sequence, sequence);
    }
    meta.rows += static_cast<std::uint64_t>(batch.num_rows());
  }

  // Writes the first `rows` pending rows as one row group, and the checksum of each column's bytes.
  Status WriteRowGroup(std::int64_t rows) {
    GRANARY_TRY(failpoints.Hit("segment.row_group"));
    GRANARY_TRY(Failed(writer->NewRowGroup()));
    for (std::size_t i = 0; i < pending.size(); ++i) {
      auto chunked = std::make_shared<arrow::ChunkedArray>(pending[i], file_schema->field(static_cast<int>(i))->type());
      GRANARY_TRY(Failed(writer->WriteColumnChunk(chunked, 0, rows)));
      checksums.push_back(sink->TakeChecksum().first);
      pending[i] = chunked->Slice(rows)->chunks();
    }
    pending_rows -= rows;
    return Status::Ok();
  }

  Status Close() {
    if (pending_rows > 0) GRANARY_TRY(WriteRowGroup(pending_rows));
    GRANARY_TRY(Failed(writer->AddKeyValueMetadata(
        arrow::key_value_metadata({std::string(kChunkChecksumsKey)}, {EncodeChecksums(checksums)}))));
    GRANARY_TRY(Failed(writer->Close()));
    const auto [footer_crc, footer_bytes] = sink->TakeChecksum();
    meta.footer_crc = footer_crc;
    meta.footer_bytes = static_cast<std::uint32_t>(footer_bytes);
    GRANARY_TRY(failpoints.Hit("segment.before_sync"));
    GRANARY_TRY(sink->SyncAndClose());
    return files.SyncDirectory(io::ParentPath(path));
  }
};

SegmentWriter::SegmentWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

SegmentWriter::~SegmentWriter() {
  if (state_->finished || state_->sink == nullptr) return;
  state_->writer.reset();
  // A leftover that cannot be removed is swept at the next start.
  (void)state_->files.Remove(state_->path);
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(io::FileSystem& files, io::Failpoints& failpoints,
                                                             std::string directory, std::string relative_path,
                                                             SchemaPtr schema, SegmentWriterOptions options) {
  auto state = std::unique_ptr<State>(new State{.files = files,
                                                .failpoints = failpoints,
                                                .directory = std::move(directory),
                                                .relative_path = std::move(relative_path),
                                                .schema = std::move(schema),
                                                .options = std::move(options)});
  auto writer = std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(state)));
  GRANARY_TRY(writer->state_->Open());
  return writer;
}

Status SegmentWriter::Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                             const std::shared_ptr<arrow::Int64Array>& sequences) {
  if (batch->num_rows() == 0) return Status::Ok();
  state_->Collect(*batch, sequences);
  const std::int64_t row_group_rows = state_->options.row_group_rows;
  while (state_->pending_rows >= row_group_rows) GRANARY_TRY(state_->WriteRowGroup(row_group_rows));
  return Status::Ok();
}

Result<SegmentMeta> SegmentWriter::Finish() {
  GRANARY_TRY(state_->Close());
  state_->finished = true;
  SegmentMeta meta = std::move(state_->meta);
  meta.path = state_->relative_path;
  meta.bytes = state_->sink->position();
  meta.schema_version = state_->schema->version();
  for (std::size_t i = 0; i < state_->stats.size(); ++i) {
    meta.columns.emplace(state_->schema->columns()[i].id, state_->stats[i].Finish());
  }
  return meta;
}

std::uint64_t SegmentWriter::bytes_written() const { return state_->sink->position(); }

}  // namespace granary::storage
