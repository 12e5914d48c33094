// The flags of `granary user`, `granary key` and `granary role`.
#pragma once

#include <functional>

#include "granary/base/status.h"

namespace CLI {
class App;
}

namespace granary::cli {

/// Adds the three to `app`; `report` gets what became of a command that was run. `user recover` is
/// among them, which asks no gateway.
void AddAccounts(CLI::App& app, const std::function<void(const Status& status)>& report);

}  // namespace granary::cli
