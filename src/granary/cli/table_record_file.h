// A TableFile's rows as the bodies of POST /data/write.
#pragma once

#include <memory>

#include "granary/cli/record_file.h"
#include "granary/cli/table_file.h"

namespace granary::cli {

std::unique_ptr<RecordFile> MakeTableRecordFile(std::unique_ptr<TableFile> table);

}  // namespace granary::cli
