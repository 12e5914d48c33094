// CSV and Parquet files as records: Arrow reads them, json::BatchWriter writes the bodies.
#pragma once

#include <memory>
#include <string>

#include "granary/cli/record_file.h"

namespace granary::cli {

/// Empty fields and "NA" are null; the first line names the columns.
Result<std::unique_ptr<RecordFile>> OpenCsv(const std::string& path);
Result<std::unique_ptr<RecordFile>> OpenParquet(const std::string& path);

}  // namespace granary::cli
