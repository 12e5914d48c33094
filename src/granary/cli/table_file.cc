#include "granary/cli/table_file.h"

#include <algorithm>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <arrow/csv/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>

#include "granary/types/data_type.h"

namespace granary::cli {
namespace {

// Types are inferred from the first block only, so it is a large one.
constexpr std::int32_t kCsvBlockBytes = 16 << 20;

Status FromArrow(const arrow::Status& status, const std::string& path) {
  if (status.ok()) return Status::Ok();
  const Code code = status.IsIOError() ? Code::kIoError : Code::kInvalidArgument;
  return Status(code, path + ": " + status.message());
}

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

Result<std::shared_ptr<arrow::io::ReadableFile>> OpenFile(const std::string& path) {
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) return Status(Code::kNotFound, path + ": " + file.status().message());
  return *std::move(file);
}

std::uint64_t SizeOf(arrow::io::ReadableFile& file) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(file.GetSize().ValueOr(0), 0));
}

}  // namespace

TableFile::TableFile(std::string path, std::uint64_t bytes_total,
                     std::shared_ptr<arrow::RecordBatchReader> reader, PositionFn position)
    : path_(std::move(path)),
      reader_(std::move(reader)),
      position_(std::move(position)),
      bytes_total_(bytes_total) {}

TableFile::~TableFile() = default;

Status TableFile::Prepare() {
  for (const auto& field : reader_->schema()->fields()) {
    // A column without any value in the first block has no type of its own.
    auto type = field->type()->id() == arrow::Type::NA
                    ? Result<DataType>(DataType(TypeKind::kString))
                    : DataType::FromArrow(*field->type());
    if (!type.ok()) return type.status().At(path_ + ": column \"" + field->name() + "\"");
    columns_.push_back({field->name(), *type});
  }
  return Status::Ok();
}

Result<std::unique_ptr<TableFile>> TableFile::Make(const std::string& path,
                                                   std::uint64_t bytes_total,
                                                   std::shared_ptr<arrow::RecordBatchReader> reader,
                                                   PositionFn position) {
  std::unique_ptr<TableFile> table(
      new TableFile(path, bytes_total, std::move(reader), std::move(position)));
  GRANARY_TRY(table->Prepare());
  return table;
}

Result<std::shared_ptr<arrow::RecordBatch>> TableFile::Next() {
  std::shared_ptr<arrow::RecordBatch> raw;
  do {
    GRANARY_TRY(FromArrow(reader_->ReadNext(&raw), path_));
    batch_begin_ = batch_end_;
    batch_end_ =
        raw == nullptr ? bytes_total_ : std::clamp(position_(), batch_begin_, bytes_total_);
    if (raw == nullptr) return std::shared_ptr<arrow::RecordBatch>();
  } while (raw->num_rows() == 0);
  arrow::ArrayVector arrays;
  arrow::FieldVector fields;
  for (int i = 0; i < raw->num_columns(); ++i) {
    const auto type = columns_[static_cast<std::size_t>(i)].type.ToArrow();
    auto cast = arrow::compute::Cast(*raw->column(i), type);
    GRANARY_TRY(FromArrow(cast.status(), path_ + ": column \"" + raw->column_name(i) + "\""));
    arrays.push_back(*std::move(cast));
    fields.push_back(arrow::field(raw->column_name(i), type));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), raw->num_rows(),
                                  std::move(arrays));
}

Result<std::unique_ptr<TableFile>> TableFile::OpenCsv(const std::string& path) {
  GRANARY_ASSIGN(auto file, OpenFile(path));
  auto read = arrow::csv::ReadOptions::Defaults();
  read.block_size = kCsvBlockBytes;
  read.use_threads = true;  // The next block is parsed while this one is sent.
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.strings_can_be_null = true;
  convert.quoted_strings_can_be_null = false;
  convert.null_values = {"", "NA"};
  auto parse = arrow::csv::ParseOptions::Defaults();
  parse.newlines_in_values = true;
  auto reader = arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), file, read,
                                                  parse, convert);
  GRANARY_TRY(FromArrow(reader.status(), path));
  return Make(path, SizeOf(*file), *reader, [csv = *reader] {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(csv->bytes_read(), 0));
  });
}

Result<std::unique_ptr<TableFile>> TableFile::OpenParquet(const std::string& path) {
  GRANARY_ASSIGN(auto file, OpenFile(path));
  auto parquet = parquet::arrow::OpenFile(file, arrow::default_memory_pool());
  GRANARY_TRY(FromArrow(parquet.status(), path));
  (*parquet)->set_batch_size(8'192);
  auto batches = (*parquet)->GetRecordBatchReader();
  GRANARY_TRY(FromArrow(batches.status(), path));
  auto reader = std::make_shared<OwningReader>(*std::move(parquet), *std::move(batches));
  auto position = [file] { return static_cast<std::uint64_t>(file->Tell().ValueOr(0)); };
  return Make(path, SizeOf(*file), std::move(reader), std::move(position));
}

}  // namespace granary::cli
