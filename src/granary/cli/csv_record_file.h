// CSV files as bodies of text/csv, each with the header in front.
#pragma once

#include <memory>
#include <string>

#include "granary/cli/record_file.h"

namespace granary::cli {

/// Blank lines are skipped, but in a file of one column they are records: its nulls.
Result<std::unique_ptr<RecordFile>> OpenCsv(const std::string& path, const NullTexts& nulls);

}  // namespace granary::cli
