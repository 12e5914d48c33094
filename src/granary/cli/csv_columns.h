// The columns of a CSV file, for a source that is to be made of it.
//
// Types      what a node infers of such a body (formats/csv_reader.h), over the file's first 16 MiB
//            instead of its first chunk; and date, time and timestamps where every text of a column
//            is one, as a node reads them. A column without values has no type yet.
// Memory     some times the 16 MiB, while it looks.
// Threads    one.
#pragma once

#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/null_texts.h"
#include "granary/storage/manifest/source_definition.h"

namespace granary::cli {

/// In the header's order. The failure of a node that reads the file, with the line: a header or a
/// record that is wrong, values that no type holds; kNotFound and kIoError of the file.
Result<std::vector<storage::DeclaredColumn>> InferCsvColumns(const std::string& path,
                                                             const NullTexts& nulls);

}  // namespace granary::cli
