#include "granary/storage/segment/parquet_file.h"

#include <algorithm>
#include <exception>

#include <arrow/chunked_array.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "granary/storage/segment/file_types.h"
#include "granary/storage/segment/segment_format.h"

namespace granary::storage {
namespace {

arrow::Compression::type ArrowCodec(Codec codec) {
  switch (codec) {
    case Codec::kNone: return arrow::Compression::UNCOMPRESSED;
    case Codec::kSnappy: return arrow::Compression::SNAPPY;
    case Codec::kZstd: return arrow::Compression::ZSTD;
    case Codec::kLz4: return arrow::Compression::LZ4;  // Parquet's LZ4_RAW.
    case Codec::kGzip: return arrow::Compression::GZIP;
    case Codec::kBrotli: return arrow::Compression::BROTLI;
  }
  return arrow::Compression::SNAPPY;
}

/// A level is on the scale of one codec: a column with another codec must not get it.
void SetCompression(const Compression& compression, const Schema& schema,
                    parquet::WriterProperties::Builder& builder) {
  builder.compression(ArrowCodec(compression.codec));
  for (const Column& column : schema.columns()) {
    const auto own = compression.columns.find(column.name);
    const Codec codec = own == compression.columns.end() ? compression.codec : own->second;
    const std::string path = LeafPath(column);
    builder.compression(path, ArrowCodec(codec));
    if (codec == compression.codec && compression.level) {
      builder.compression_level(path, *compression.level);
    }
  }
}

void SetLane(const ParquetFile::Lane& lane, const Compression& compression,
             parquet::WriterProperties::Builder& builder) {
  const std::string& path = lane.field->name();
  const auto own = compression.columns.find(lane.owner);
  const Codec codec = own == compression.columns.end() ? compression.codec : own->second;
  builder.compression(path, ArrowCodec(codec));
  if (codec == compression.codec && compression.level)
    builder.compression_level(path, *compression.level);
  if (lane.plain) builder.disable_dictionary(path);
}

std::shared_ptr<parquet::WriterProperties> MakeProperties(
    const Schema& schema, const std::vector<bool>& plain, const SegmentWriterOptions& options,
    const std::vector<ParquetFile::Lane>& lanes) {
  parquet::WriterProperties::Builder builder;
  builder.version(parquet::ParquetVersion::PARQUET_2_6)
      ->enable_write_page_index()
      ->enable_page_checksum()
      ->enable_store_decimal_as_integer()  // As Iceberg asks for: INT32 up to 9 digits, INT64 up
                                           // to 18.
      ->max_row_group_length(options.row_group_rows)
      ->max_rows_per_page(options.page_rows)
      ->write_batch_size(std::min(options.page_rows, parquet::DEFAULT_WRITE_BATCH_SIZE));
  SetCompression(options.compression, schema, builder);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (plain[i]) builder.disable_dictionary(LeafPath(schema.columns()[i]));
  }
  for (const ParquetFile::Lane& lane : lanes) {
    SetLane(lane, options.compression, builder);
  }
  const std::string sequence(kSequenceColumnName);
  builder.disable_dictionary(sequence)->encoding(sequence, parquet::Encoding::DELTA_BINARY_PACKED);
  return builder.build();
}

/// Runs a step of Parquet's, which reports by status and, deep down, by exception.
template <typename Step>
arrow::Status Guarded(const Step& step) {
  try {
    return step();
  } catch (const std::exception& error) {
    return arrow::Status::UnknownError(error.what());
  }
}

}  // namespace

ParquetFile::ParquetFile(io::FileSystem& files, std::string path, std::shared_ptr<SegmentSink> sink)
    : files_(files), path_(std::move(path)), sink_(std::move(sink)) {}

ParquetFile::~ParquetFile() {
  // An unfinished writer may still write a footer; the file goes anyway.
  (void)Guarded([this] {
    writer_.reset();
    return arrow::Status::OK();
  });
  // A leftover that cannot be removed is swept at the next start.
  if (!kept_) (void)files_.Remove(path_);
}

Result<std::unique_ptr<ParquetFile>> ParquetFile::Create(io::FileSystem& files, std::string path) {
  GRANARY_ASSIGN(auto file, files.OpenForWrite(path, io::OpenMode::kCreateNew));
  auto sink = std::make_shared<SegmentSink>(std::move(file));
  return std::unique_ptr<ParquetFile>(new ParquetFile(files, std::move(path), std::move(sink)));
}

/// The sink knows what really went wrong.
Status ParquetFile::Failed(const arrow::Status& status) const {
  if (status.ok()) return Status::Ok();
  if (!sink_->failure().ok()) return sink_->failure().At(path_);
  return FromArrow(status, path_, Code::kInternal);
}

Status ParquetFile::Start(const std::shared_ptr<arrow::Schema>& file_schema, const Schema& schema,
                          const std::vector<bool>& plain, const SegmentWriterOptions& options,
                          const std::vector<Lane>& lanes) {
  arrow::FieldVector fields = file_schema->fields();
  for (const Lane& lane : lanes) fields.push_back(lane.field);
  file_schema_ = arrow::schema(std::move(fields));
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  GRANARY_TRY(Failed(Guarded([&] {
    return parquet::arrow::FileWriter::Open(*file_schema_, arrow::default_memory_pool(), sink_,
                                            MakeProperties(schema, plain, options, lanes),
                                            arrow_properties)
        .Value(&writer_);
  })));
  sink_->TakeChecksum();  // The magic in front belongs to no column.
  sink_->TakePageChecksums();
  return Status::Ok();
}

Status ParquetFile::WriteRowGroup(const std::vector<std::shared_ptr<arrow::ChunkedArray>>& columns,
                                  std::int64_t rows) {
  GRANARY_TRY(Failed(Guarded([&] { return writer_->NewRowGroup(); })));
  for (const auto& column : columns) {
    GRANARY_TRY(Failed(Guarded([&] { return writer_->WriteColumnChunk(column, 0, rows); })));
    checksums_.push_back(sink_->TakeChecksum().first);
    page_checksums_.push_back(sink_->TakePageChecksums());
  }
  return Status::Ok();
}

Status ParquetFile::AddMetadata(std::string_view key, std::string value) {
  const auto pair = arrow::key_value_metadata({std::string(key)}, {std::move(value)});
  return Failed(Guarded([&] { return writer_->AddKeyValueMetadata(pair); }));
}

Status ParquetFile::WriteFooter(SegmentMeta& meta) {
  const auto checksums = arrow::key_value_metadata(
      {std::string(kChunkChecksumsKey), std::string(kPageChecksumsKey)},
      {EncodeChecksums(checksums_), EncodePageChecksums(page_checksums_)});
  GRANARY_TRY(Failed(Guarded([&] { return writer_->AddKeyValueMetadata(checksums); })));
  GRANARY_TRY(Failed(Guarded([&] { return writer_->Close(); })));
  const auto [crc, bytes] = sink_->TakeChecksum();
  meta.bytes = sink_->position();
  meta.footer_bytes = static_cast<std::uint32_t>(bytes);
  meta.footer_crc = crc;
  return Status::Ok();
}

Status ParquetFile::Sync() {
  GRANARY_TRY(sink_->SyncFile());
  GRANARY_TRY(sink_->CloseFile());
  return files_.SyncDirectory(io::ParentPath(path_));
}

Status ParquetFile::Close() { return sink_->CloseFile(); }

}  // namespace granary::storage
