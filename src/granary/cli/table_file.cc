#include "granary/cli/table_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <parquet/arrow/reader.h>

#include "granary/formats/plain_array.h"
#include "granary/types/data_type.h"

namespace granary::cli {
namespace {

constexpr std::string_view kArrowFileMagic = "ARROW1";

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

// The batches of an IPC file, in their order.
class BatchesOfFile final : public arrow::RecordBatchReader {
 public:
  explicit BatchesOfFile(std::shared_ptr<arrow::ipc::RecordBatchFileReader> file)
      : file_(std::move(file)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return file_->schema(); }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    *batch = nullptr;
    if (next_ == file_->num_record_batches()) return arrow::Status::OK();
    return file_->ReadRecordBatch(next_++).Value(batch);
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
  int next_ = 0;
};

Result<std::shared_ptr<arrow::io::ReadableFile>> OpenFile(const std::string& path) {
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) return Status(Code::kNotFound, path + ": " + file.status().message());
  return *std::move(file);
}

std::uint64_t SizeOf(arrow::io::ReadableFile& file) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(file.GetSize().ValueOr(0), 0));
}

Result<std::shared_ptr<arrow::Array>> Plain(const std::shared_ptr<arrow::Array>& array) {
  if (array->type_id() == arrow::Type::NA) {
    auto nulls = arrow::MakeArrayOfNull(arrow::utf8(), array->length());
    if (!nulls.ok()) return Status(Code::kTooLarge, nulls.status().message());
    return *std::move(nulls);
  }
  GRANARY_ASSIGN(auto plain, formats::ToPlainArray(array, arrow::default_memory_pool()));
  return std::move(plain.array);
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
    // A column of nulls alone has no type of its own.
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
  // A file may say anything: offsets, lengths, texts that are none.
  GRANARY_TRY(FromArrow(raw->ValidateFull(), path_));
  arrow::ArrayVector arrays;
  arrow::FieldVector fields;
  for (int i = 0; i < raw->num_columns(); ++i) {
    auto plain = Plain(raw->column(i));
    if (!plain.ok()) return plain.status().At(path_ + ": column \"" + raw->column_name(i) + "\"");
    fields.push_back(arrow::field(raw->column_name(i), (*plain)->type()));
    arrays.push_back(plain.Take());
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), raw->num_rows(),
                                  std::move(arrays));
}

Result<std::unique_ptr<TableFile>> TableFile::OpenArrow(const std::string& path) {
  GRANARY_ASSIGN(auto file, OpenFile(path));
  std::shared_ptr<arrow::RecordBatchReader> reader;
  const auto front = file->ReadAt(0, static_cast<std::int64_t>(kArrowFileMagic.size()));
  GRANARY_TRY(FromArrow(front.status(), path));
  GRANARY_TRY(FromArrow(file->Seek(0), path));
  if (std::string_view(**front) == kArrowFileMagic) {
    auto opened = arrow::ipc::RecordBatchFileReader::Open(file);
    GRANARY_TRY(FromArrow(opened.status(), path));
    reader = std::make_shared<BatchesOfFile>(*std::move(opened));
  } else {
    auto opened = arrow::ipc::RecordBatchStreamReader::Open(file);
    GRANARY_TRY(FromArrow(opened.status(), path));
    reader = *std::move(opened);
  }
  auto position = [file] { return static_cast<std::uint64_t>(file->Tell().ValueOr(0)); };
  return Make(path, SizeOf(*file), std::move(reader), std::move(position));
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
