#include "granary/cli/table_record_file.h"

#include <algorithm>
#include <functional>

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <arrow/csv/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>

#include "granary/json/batch_writer.h"
#include "granary/types/schema.h"

namespace granary::cli {
namespace {

// Types are inferred from the first block only, so it is a large one.
constexpr std::int32_t kCsvBlockBytes = 16 << 20;

Status FromArrow(const arrow::Status& status, const std::string& path) {
  if (status.ok()) return Status::Ok();
  const Code code = status.IsIOError() ? Code::kIoError : Code::kInvalidArgument;
  return Status(code, path + ": " + status.message());
}

/// Bytes of the file behind the batches that a reader has given, what it read ahead left out.
using PositionFn = std::function<std::uint64_t()>;

class TableRecordFile final : public RecordFile {
 public:
  TableRecordFile(std::string path, std::shared_ptr<arrow::io::ReadableFile> file,
                  std::shared_ptr<arrow::RecordBatchReader> reader, PositionFn position)
      : path_(std::move(path)),
        file_(std::move(file)),
        reader_(std::move(reader)),
        position_(std::move(position)) {}

  Status Prepare() {
    std::vector<Column> columns;
    for (const auto& field : reader_->schema()->fields()) {
      // A column without any value in the first block has no type of its own.
      auto type = field->type()->id() == arrow::Type::NA
                      ? Result<DataType>(DataType(TypeKind::kString))
                      : DataType::FromArrow(*field->type());
      if (!type.ok()) return type.status().At(path_ + ": column \"" + field->name() + "\"");
      columns.push_back({static_cast<ColumnId>(columns.size() + 1), field->name(), *type});
      columns_.push_back({field->name(), *type});
    }
    if (auto size = file_->GetSize(); size.ok()) bytes_total_ = static_cast<std::uint64_t>(*size);
    writer_ = std::make_unique<json::BatchWriter>(std::move(columns));
    return Status::Ok();
  }

  const std::vector<storage::DeclaredColumn>& columns() const override { return columns_; }
  std::uint64_t bytes_total() const override { return bytes_total_; }
  std::uint64_t bytes_read() const override {
    if (done_) return bytes_total_;
    if (batch_ == nullptr || batch_->num_rows() == 0) return batch_end_;
    // A batch may be half of the file: its rows count evenly.
    const double share = static_cast<double>(row_) / static_cast<double>(batch_->num_rows());
    return batch_begin_ +
           static_cast<std::uint64_t>(static_cast<double>(batch_end_ - batch_begin_) * share);
  }

  Result<std::size_t> Next(std::size_t records_max, std::size_t bytes_max,
                           std::string& out) override {
    const std::size_t start = out.size();
    std::size_t records = 0;
    while (records < records_max && (records == 0 || out.size() - start < bytes_max)) {
      if (batch_ == nullptr || row_ == batch_->num_rows()) {
        GRANARY_TRY(ReadBatch());
        if (batch_ == nullptr) break;
        continue;
      }
      out += records == 0 ? R"({"fields":)" : R"(,{"fields":)";
      writer_->AppendRow(*batch_, row_++, out);
      out += '}';
      ++records;
    }
    return records;
  }

 private:
  // Brings each column into the shape that our type has in memory.
  Status ReadBatch() {
    batch_.reset();
    row_ = 0;
    std::shared_ptr<arrow::RecordBatch> raw;
    GRANARY_TRY(FromArrow(reader_->ReadNext(&raw), path_));
    batch_begin_ = batch_end_;
    batch_end_ = std::clamp(position_(), batch_begin_, bytes_total_);
    if (raw == nullptr) {
      done_ = true;
      return Status::Ok();
    }
    arrow::ArrayVector arrays;
    arrow::FieldVector fields;
    for (int i = 0; i < raw->num_columns(); ++i) {
      const auto type = columns_[static_cast<std::size_t>(i)].type.ToArrow();
      auto cast = arrow::compute::Cast(*raw->column(i), type);
      GRANARY_TRY(FromArrow(cast.status(), path_ + ": column \"" + raw->column_name(i) + "\""));
      arrays.push_back(*std::move(cast));
      fields.push_back(arrow::field(raw->column_name(i), type));
    }
    batch_ = arrow::RecordBatch::Make(arrow::schema(std::move(fields)), raw->num_rows(),
                                      std::move(arrays));
    return Status::Ok();
  }

  std::string path_;
  std::shared_ptr<arrow::io::ReadableFile> file_;
  std::shared_ptr<arrow::RecordBatchReader> reader_;
  std::vector<storage::DeclaredColumn> columns_;
  std::unique_ptr<json::BatchWriter> writer_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t row_ = 0;
  PositionFn position_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t batch_begin_ = 0;  // In the file, of the current batch.
  std::uint64_t batch_end_ = 0;
  bool done_ = false;
};

// A Parquet reader that keeps its file reader alive.
class OwningReader final : public arrow::RecordBatchReader {
 public:
  OwningReader(std::unique_ptr<parquet::arrow::FileReader> file,
               std::shared_ptr<arrow::RecordBatchReader> inner)
      : file_(std::move(file)), inner_(std::move(inner)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return inner_->schema(); }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    return inner_->ReadNext(batch);
  }

 private:
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::shared_ptr<arrow::RecordBatchReader> inner_;
};

Result<std::unique_ptr<RecordFile>> Finish(const std::string& path,
                                           std::shared_ptr<arrow::io::ReadableFile> file,
                                           std::shared_ptr<arrow::RecordBatchReader> reader,
                                           PositionFn position) {
  auto table = std::make_unique<TableRecordFile>(path, std::move(file), std::move(reader),
                                                 std::move(position));
  GRANARY_TRY(table->Prepare());
  return std::unique_ptr<RecordFile>(std::move(table));
}

Result<std::shared_ptr<arrow::io::ReadableFile>> OpenFile(const std::string& path) {
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) return Status(Code::kNotFound, path + ": " + file.status().message());
  return *std::move(file);
}

}  // namespace

Result<std::unique_ptr<RecordFile>> OpenCsv(const std::string& path) {
  GRANARY_ASSIGN(auto file, OpenFile(path));
  auto read = arrow::csv::ReadOptions::Defaults();
  read.block_size = kCsvBlockBytes;
  read.use_threads = false;
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.strings_can_be_null = true;
  convert.quoted_strings_can_be_null = false;
  convert.null_values = {"", "NA"};
  auto parse = arrow::csv::ParseOptions::Defaults();
  parse.newlines_in_values = true;
  auto reader = arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), file, read,
                                                  parse, convert);
  GRANARY_TRY(FromArrow(reader.status(), path));
  return Finish(path, std::move(file), *reader, [csv = *reader] {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(csv->bytes_read(), 0));
  });
}

Result<std::unique_ptr<RecordFile>> OpenParquet(const std::string& path) {
  GRANARY_ASSIGN(auto file, OpenFile(path));
  auto parquet = parquet::arrow::OpenFile(file, arrow::default_memory_pool());
  GRANARY_TRY(FromArrow(parquet.status(), path));
  (*parquet)->set_batch_size(8'192);
  auto batches = (*parquet)->GetRecordBatchReader();
  GRANARY_TRY(FromArrow(batches.status(), path));
  auto reader = std::make_shared<OwningReader>(*std::move(parquet), *std::move(batches));
  auto position = [file] { return static_cast<std::uint64_t>(file->Tell().ValueOr(0)); };
  return Finish(path, file, std::move(reader), std::move(position));
}

}  // namespace granary::cli
