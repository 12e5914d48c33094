// granary demo: a guided tour that writes, searches, aggregates and flushes, showing each request
// and its answer. Choice 1 runs inside this process on a folder of its own, choice 2 against a
// running node.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/cli/node_client.h"

namespace granary::cli {

struct DemoOptions : NodeAddress {
  int choice = 0;    ///< 0 asks.
  bool yes = false;  ///< Goes on without waiting for Enter.
};

/// Fails when any step of the tour does not answer what it should.
Status RunDemo(const DemoOptions& options);

}  // namespace granary::cli
