// MakeParquetReader (table_reader.h).
#include <algorithm>

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include "granary/formats/batch_reader.h"

namespace granary::formats {
namespace {

/// Arrow's random access over io's.
class FileInput final : public arrow::io::RandomAccessFile {
 public:
  FileInput(std::shared_ptr<const io::RandomAccessFile> file, arrow::MemoryPool* pool)
      : file_(std::move(file)), pool_(pool) {}

  arrow::Result<std::int64_t> GetSize() override {
    return static_cast<std::int64_t>(file_->size());
  }
  arrow::Result<std::int64_t> ReadAt(std::int64_t position, std::int64_t bytes,
                                     void* out) override {
    if (position < 0 || bytes < 0) return arrow::Status::Invalid("a read outside of the file");
    auto got = file_->ReadAt(static_cast<std::uint64_t>(position),
                             {static_cast<char*>(out), static_cast<std::size_t>(bytes)});
    if (!got.ok()) return arrow::Status::IOError(got.status().ToString());
    return static_cast<std::int64_t>(*got);
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(std::int64_t position,
                                                       std::int64_t bytes) override {
    const auto size = static_cast<std::int64_t>(file_->size());
    if (position < 0 || bytes < 0 || position > size || bytes > size - position)
      return arrow::Status::Invalid("a read outside of the file");
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(bytes, pool_));
    ARROW_ASSIGN_OR_RAISE(const std::int64_t got, ReadAt(position, bytes, buffer->mutable_data()));
    if (got != bytes) return arrow::Status::Invalid("the file ends too early");
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<std::int64_t> Read(std::int64_t bytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const std::int64_t got, ReadAt(position_, bytes, out));
    position_ += got;
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(std::int64_t bytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, bytes));
    position_ += buffer->size();
    return buffer;
  }
  arrow::Status Seek(std::int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<std::int64_t> Tell() const override { return position_; }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  const std::shared_ptr<const io::RandomAccessFile> file_;
  arrow::MemoryPool* const pool_;
  std::int64_t position_ = 0;
  bool closed_ = false;
};

constexpr std::string_view kWhat = "Parquet file";
/// The largest thing in a list of a footer, in memory; rounded up. A byte of the file may stand for
/// one.
constexpr std::int64_t kFooterItemBytes = 1'024;
constexpr std::int64_t kFooterItemsMax = 1'000'000;

/// Room for a list is made by what the list says of itself, before its items are read.
std::int32_t FooterItemsMax(std::uint64_t file_bytes, std::int64_t decode_bytes_max) {
  const auto in_file =
      static_cast<std::int64_t>(std::min<std::uint64_t>(file_bytes, kFooterItemsMax));
  return static_cast<std::int32_t>(std::min(in_file, decode_bytes_max / kFooterItemBytes));
}

/// Runs what may throw as well as fail.
template <typename Call>
Status Guarded(const Call& call) {
  try {
    return BodyFailure(call(), kWhat);
  } catch (const parquet::ParquetStatusException& e) {
    return BodyFailure(e.status(), kWhat);
  } catch (const std::bad_alloc&) {
    return BodyFailure(arrow::Status::OutOfMemory("decoding"), kWhat);
  } catch (const std::exception& e) {
    return BodyFailure(arrow::Status::Invalid(e.what()), kWhat);
  }
}

class FileSource final : public BatchSource {
 public:
  FileSource(std::shared_ptr<DecodeMemory> memory, const ReadLimits& limits)
      : memory_(std::move(memory)), limits_(limits) {}

  Status Open(std::shared_ptr<const io::RandomAccessFile> file) {
    body_bytes_ = file->size();
    return Guarded([&]() -> arrow::Status {
      parquet::ReaderProperties properties(&memory_->pool);
      properties.enable_buffered_stream();
      properties.set_thrift_container_size_limit(
          FooterItemsMax(body_bytes_, limits_.decode_bytes_max));
      properties.set_page_checksum_verification(true);
      parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
      arrow_properties.set_pre_buffer(false);
      arrow_properties.set_batch_size(static_cast<std::int64_t>(limits_.chunk_rows));
      arrow_properties.set_arrow_extensions_enabled(true);
      auto file_reader = parquet::ParquetFileReader::Open(
          std::make_shared<FileInput>(std::move(file), &memory_->pool), properties);
      ARROW_ASSIGN_OR_RAISE(reader_, parquet::arrow::FileReader::Make(
                                         &memory_->pool, std::move(file_reader), arrow_properties));
      // Decoded, they are as many values, however few bytes of the file they take.
      const int columns = reader_->parquet_reader()->metadata()->num_columns();
      reader_->set_batch_size(
          static_cast<std::int64_t>(limits_.rows_max(static_cast<std::size_t>(columns))));
      ARROW_ASSIGN_OR_RAISE(batches_, reader_->GetRecordBatchReader());
      return arrow::Status::OK();
    });
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    GRANARY_TRY(Guarded([&] { return batches_->ReadNext(&batch); }));
    return batch;
  }

  const arrow::Schema& schema() const override { return *batches_->schema(); }
  std::uint64_t body_bytes() const override { return body_bytes_; }

 private:
  const std::shared_ptr<DecodeMemory> memory_;
  const ReadLimits limits_;
  std::uint64_t body_bytes_ = 0;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> MakeParquetReader(
    std::shared_ptr<const io::RandomAccessFile> file, const ReadLimits& limits) {
  auto memory = std::make_shared<DecodeMemory>(limits.decode_bytes_max, limits.decode_room);
  auto source = std::make_unique<FileSource>(memory, limits);
  GRANARY_TRY(memory->Explain(source->Open(std::move(file))));
  return std::unique_ptr<TableReader>(
      std::make_unique<BatchReader>(std::move(memory), std::move(source), limits));
}

}  // namespace granary::formats
