#include "granary/cli/csv_record_file.h"

#include <utility>

#include "granary/cli/text_file.h"
#include "granary/formats/csv_cells.h"
#include "granary/formats/table_format.h"
#include "granary/formats/text_lines.h"

namespace granary::cli {
namespace {

class CsvRecordFile final : public RecordFile {
 public:
  explicit CsvRecordFile(std::unique_ptr<TextFile> file)
      : file_(std::move(file)),
        lines_(file_->AsSource(), formats::LineRule::kQuoted, formats::ReadLimits{}) {}

  const std::vector<storage::DeclaredColumn>& columns() const override { return columns_; }
  std::uint64_t bytes_total() const override { return file_->bytes_total(); }
  std::uint64_t bytes_read() const override { return file_->bytes_read(); }
  std::uint64_t first_line() const override { return first_line_; }
  std::string_view media_type() const override {
    return formats::MediaTypeOf(formats::TableFormat::kCsv);
  }

  Result<std::size_t> Next(std::size_t records_max, std::size_t bytes_max,
                           std::string& out) override {
    if (header_.empty()) GRANARY_TRY(ReadHeader());
    const std::size_t start = out.size();
    std::size_t records = 0;
    while (records < records_max && out.size() - start < bytes_max) {
      if (line_ == block_.lines.size()) {
        GRANARY_TRY(ReadBlock(records_max));
        if (block_.lines.empty()) break;
      }
      if (records == 0) {
        first_line_ = block_.numbers[line_];
        out += header_;
      }
      out += block_.Text(line_++);
      out += '\n';
      ++records;
    }
    return records;
  }

 private:
  Status ReadHeader() {
    GRANARY_ASSIGN(const formats::LineBlock block, lines_.Next(1));
    if (block.lines.empty()) return {Code::kInvalidRequest, "line 1: there is no header"};
    std::vector<formats::CsvCell> cells;
    std::vector<std::string> store;
    GRANARY_TRY(formats::SplitCsv(block.Text(0), cells, store).At("line 1"));
    has_one_column_ = cells.size() == 1;
    header_ = std::string(block.Text(0)) + '\n';
    return Status::Ok();
  }

  /// Of at least one record, unless the file has ended.
  Status ReadBlock(std::size_t records_max) {
    bool ended = false;
    do {
      GRANARY_ASSIGN(block_, lines_.Next(records_max));
      ended = block_.lines.empty();
      if (!has_one_column_)
        block_.DropBlankLines([](std::string_view line) { return line.empty(); });
    } while (block_.lines.empty() && !ended);
    line_ = 0;
    return Status::Ok();
  }

  std::unique_ptr<TextFile> file_;
  formats::TextLines lines_;
  std::string header_;
  bool has_one_column_ = false;
  formats::LineBlock block_;
  std::size_t line_ = 0;  ///< Of the block, the next one.
  std::uint64_t first_line_ = 0;
  std::vector<storage::DeclaredColumn> columns_;
};

}  // namespace

Result<std::unique_ptr<RecordFile>> OpenCsv(const std::string& path, const NullTexts& nulls) {
  GRANARY_ASSIGN(auto file, TextFile::Open(path, nulls));
  return std::unique_ptr<RecordFile>(std::make_unique<CsvRecordFile>(std::move(file)));
}

}  // namespace granary::cli
