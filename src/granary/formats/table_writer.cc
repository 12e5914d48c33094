#include "granary/formats/table_writer.h"

#include <algorithm>

#include "granary/formats/arrow_writer.h"
#include "granary/formats/csv_writer.h"
#include "granary/formats/parquet_writer.h"

namespace granary::formats {

std::unique_ptr<TableWriter> MakeTableWriter(TableFormat format) {
  switch (format) {
    case TableFormat::kCsv: return std::make_unique<CsvWriter>();
    case TableFormat::kArrow: return std::make_unique<ArrowWriter>();
    case TableFormat::kParquet: return std::make_unique<ParquetWriter>();
    default: return nullptr;
  }
}

std::string SourceColumnName(const TableShape& shape) {
  std::string name = "source_id";
  const auto taken = [&](const TableColumn& column) { return column.name == name; };
  while (std::any_of(shape.columns.begin(), shape.columns.end(), taken)) name = "_" + name;
  return name;
}

}  // namespace granary::formats
