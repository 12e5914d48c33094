// Service: one of the program's services as the process that runs it sees it.
//
// Life       made listening: it answers at once, if only that it is not ready -> Open makes it
//            ready -> Stop finishes what runs.
// Threads    Open may run beside a thread that waits to Stop.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::hosting {

class Service {
 public:
  virtual ~Service() = default;
  virtual std::string_view name() const = 0;  ///< "tenant-node"
  virtual Status Open() = 0;
  /// OK when everything acknowledged was left in order; a second call does nothing.
  virtual Status Stop() = 0;
};

/// In the order in which they are opened.
using Services = std::vector<std::unique_ptr<Service>>;

}  // namespace granary::hosting
