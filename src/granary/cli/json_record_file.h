// NDJSON files and files of one JSON array as records, passed on as they stand.
#pragma once

#include <memory>
#include <string>

#include "granary/cli/record_file.h"

namespace granary::cli {

/// One object a line; empty lines are skipped.
Result<std::unique_ptr<RecordFile>> OpenNdjson(const std::string& path);
/// A file that is one array of objects.
Result<std::unique_ptr<RecordFile>> OpenJsonArray(const std::string& path);

}  // namespace granary::cli
