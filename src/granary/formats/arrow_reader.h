// An Arrow IPC stream as a TableReader.
#pragma once

#include <memory>

#include "granary/formats/table_reader.h"

namespace granary::formats {

/// Reads nothing yet.
std::unique_ptr<TableReader> MakeArrowReader(ByteSource source, const ReadLimits& limits);

}  // namespace granary::formats
