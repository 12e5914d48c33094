// granary check: whether what lies in a data folder is what was written to it.
#pragma once

#include <string>

#include "granary/base/status.h"

namespace granary::cli {

/// Prints what was looked at and every damage. kCorruption when there is any; CheckDataFolder's
/// errors when the folder cannot be checked.
Status RunCheck(const std::string& data_path);

}  // namespace granary::cli
