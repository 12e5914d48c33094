#include "granary/cli/file_body.h"

#include <algorithm>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include "granary/cli/table_file.h"
#include "granary/cli/text_file.h"
#include "granary/formats/table_writer.h"

namespace granary::cli {
namespace {

// Well below what a node takes for a batch: a quarter of BODY_CHUNK_MB and of BODY_CHUNK_ROWS.
constexpr std::int64_t kBatchBytes = 4 << 20;
constexpr std::int64_t kBatchRows = 16 << 10;

class TextBody final : public FileBody {
 public:
  TextBody(std::unique_ptr<TextFile> file, formats::TableFormat format)
      : file_(std::move(file)), format_(format) {}

  std::string_view media_type() const override { return formats::MediaTypeOf(format_); }
  const std::vector<storage::DeclaredColumn>& columns() const override { return columns_; }
  Result<std::string> Next() override { return file_->Next(); }
  std::uint64_t bytes_total() const override { return file_->bytes_total(); }
  std::uint64_t bytes_read() const override { return file_->bytes_read(); }
  std::uint64_t rows_read() const override { return file_->lines_read(); }

 private:
  std::unique_ptr<TextFile> file_;
  const formats::TableFormat format_;
  std::vector<storage::DeclaredColumn> columns_;
};

class TableBody final : public FileBody {
 public:
  explicit TableBody(std::unique_ptr<TableFile> table)
      : table_(std::move(table)), writer_(formats::MakeTableWriter(formats::TableFormat::kArrow)) {}

  std::string_view media_type() const override {
    return formats::MediaTypeOf(formats::TableFormat::kArrow);
  }
  const std::vector<storage::DeclaredColumn>& columns() const override { return table_->columns(); }

  Result<std::string> Next() override {
    std::string piece;
    if (std::exchange(begun_, true) == false) {
      formats::TableShape shape;
      for (const storage::DeclaredColumn& column : table_->columns()) {
        shape.columns.push_back({column.name, column.type});
        shown_.push_back({static_cast<ColumnId>(shown_.size() + 1), column.name, column.type});
      }
      GRANARY_TRY(writer_->Begin(shape, piece));
    }
    while (piece.empty() && !ended_) GRANARY_TRY(AddRows(piece));
    return piece;
  }

  std::uint64_t bytes_total() const override { return table_->bytes_total(); }
  std::uint64_t bytes_read() const override {
    if (batch_ == nullptr) return table_->batch_end();
    // A batch may be half of the file: its rows count evenly.
    const double share = static_cast<double>(row_) / static_cast<double>(batch_->num_rows());
    const auto bytes = static_cast<double>(table_->batch_end() - table_->batch_begin());
    return table_->batch_begin() + static_cast<std::uint64_t>(bytes * share);
  }
  std::uint64_t rows_read() const override { return rows_; }

 private:
  Status AddRows(std::string& piece) {
    if (batch_ == nullptr || row_ == batch_->num_rows()) {
      GRANARY_ASSIGN(batch_, table_->Next());
      row_ = 0;
      if (batch_ == nullptr) {
        ended_ = true;
        return writer_->Finish(piece);
      }
      const std::int64_t bytes = arrow::util::TotalBufferSize(*batch_);
      rows_at_once_ = std::clamp<std::int64_t>(
          kBatchBytes * batch_->num_rows() / std::max<std::int64_t>(bytes, 1), 1, kBatchRows);
    }
    const std::int64_t rows = std::min(rows_at_once_, batch_->num_rows() - row_);
    GRANARY_TRY(
        writer_->Add({.source = {}, .columns = shown_, .batch = batch_->Slice(row_, rows)}, piece));
    row_ += rows;
    rows_ += static_cast<std::uint64_t>(rows);
    return Status::Ok();
  }

  std::unique_ptr<TableFile> table_;
  std::unique_ptr<formats::TableWriter> writer_;
  std::vector<Column> shown_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t row_ = 0, rows_at_once_ = kBatchRows;
  std::uint64_t rows_ = 0;
  bool begun_ = false, ended_ = false;
};

Result<std::unique_ptr<FileBody>> OpenText(const std::string& path, formats::TableFormat format,
                                           const NullTexts& nulls) {
  GRANARY_ASSIGN(auto file, TextFile::Open(path, nulls));
  return std::unique_ptr<FileBody>(std::make_unique<TextBody>(std::move(file), format));
}

}  // namespace

Result<std::unique_ptr<FileBody>> FileBody::Open(const std::string& path, FileFormat format,
                                                 const NullTexts& nulls) {
  std::unique_ptr<TableFile> table;
  switch (format) {
    case FileFormat::kJson: return Status::Unsupported("a JSON array travels in batches");
    case FileFormat::kCsv: return OpenText(path, formats::TableFormat::kCsv, nulls);
    case FileFormat::kNdjson: return OpenText(path, formats::TableFormat::kNdjson, {});
    case FileFormat::kArrow: {
      GRANARY_ASSIGN(table, TableFile::OpenArrow(path));
      break;
    }
    case FileFormat::kParquet: {
      GRANARY_ASSIGN(table, TableFile::OpenParquet(path));
      break;
    }
  }
  return std::unique_ptr<FileBody>(std::make_unique<TableBody>(std::move(table)));
}

}  // namespace granary::cli
