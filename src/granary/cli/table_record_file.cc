#include "granary/cli/table_record_file.h"

#include <utility>

#include <arrow/record_batch.h>

#include "granary/json/batch_writer.h"
#include "granary/types/schema.h"

namespace granary::cli {
namespace {

std::vector<Column> ColumnsOf(const TableFile& table) {
  std::vector<Column> out;
  for (const storage::DeclaredColumn& column : table.columns())
    out.push_back({static_cast<ColumnId>(out.size() + 1), column.name, column.type});
  return out;
}

class TableRecordFile final : public RecordFile {
 public:
  explicit TableRecordFile(std::unique_ptr<TableFile> table)
      : table_(std::move(table)), writer_(ColumnsOf(*table_)) {}

  const std::vector<storage::DeclaredColumn>& columns() const override { return table_->columns(); }
  std::uint64_t bytes_total() const override { return table_->bytes_total(); }
  std::uint64_t bytes_read() const override {
    if (batch_ == nullptr) return table_->batch_end();
    // A batch may be half of the file: its rows count evenly.
    const double share = static_cast<double>(row_) / static_cast<double>(batch_->num_rows());
    const auto bytes = static_cast<double>(table_->batch_end() - table_->batch_begin());
    return table_->batch_begin() + static_cast<std::uint64_t>(bytes * share);
  }

  Result<std::size_t> Next(std::size_t records_max, std::size_t bytes_max,
                           std::string& out) override {
    const std::size_t start = out.size();
    std::size_t records = 0;
    while (records < records_max && (records == 0 || out.size() - start < bytes_max)) {
      if (batch_ == nullptr || row_ == batch_->num_rows()) {
        GRANARY_ASSIGN(batch_, table_->Next());
        row_ = 0;
        if (batch_ == nullptr) break;
      }
      out += records == 0 ? R"({"fields":)" : R"(,{"fields":)";
      writer_.AppendRow(*batch_, row_++, out);
      out += '}';
      ++records;
    }
    return records;
  }

 private:
  std::unique_ptr<TableFile> table_;
  json::BatchWriter writer_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t row_ = 0;
};

}  // namespace

std::unique_ptr<RecordFile> MakeTableRecordFile(std::unique_ptr<TableFile> table) {
  return std::make_unique<TableRecordFile>(std::move(table));
}

}  // namespace granary::cli
