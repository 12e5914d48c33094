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

std::vector<std::string> NamingColumns(const TableShape& shape) {
  std::vector<std::string> names;
  if (shape.names_tenants) names.emplace_back("tenant_id");
  if (shape.names_sources) names.emplace_back("source_id");
  for (std::string& name : names) {
    const auto taken = [&](const TableColumn& column) { return column.name == name; };
    while (std::any_of(shape.columns.begin(), shape.columns.end(), taken)) name = "_" + name;
  }
  return names;
}

std::vector<std::string_view> NamesOf(const TableShape& shape, const TableRows& rows) {
  std::vector<std::string_view> names;
  if (shape.names_tenants) names.push_back(rows.tenant);
  if (shape.names_sources) names.push_back(rows.source);
  return names;
}

}  // namespace granary::formats
