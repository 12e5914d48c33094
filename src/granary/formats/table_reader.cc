#include "granary/formats/table_reader.h"

#include "granary/formats/arrow_reader.h"
#include "granary/formats/csv_reader.h"
#include "granary/formats/ndjson_reader.h"

namespace granary::formats {

Result<std::unique_ptr<TableReader>> MakeTableReader(TableFormat format, ByteSource source,
                                                     const ReadLimits& limits) {
  std::unique_ptr<TableReader> reader;
  if (format == TableFormat::kNdjson) {
    reader = std::make_unique<NdjsonReader>(std::move(source), limits);
  } else if (format == TableFormat::kCsv) {
    reader = std::make_unique<CsvReader>(std::move(source), limits);
  } else if (format == TableFormat::kArrow) {
    reader = MakeArrowReader(std::move(source), limits);
  } else {
    return Status::Internal("no stream of records has this format");
  }
  return reader;
}

}  // namespace granary::formats
