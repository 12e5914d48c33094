// Runs services in this process until it is told to end.
#pragma once

#include <functional>

#include "granary/base/log.h"
#include "granary/hosting/service.h"
#include "granary/hosting/stop_signals.h"

namespace granary::hosting {

/// Opens the services, each as soon as those before it are open, waits for a signal, stops them in
/// the opposite order. Returns the process' exit code: 0, or 1 when one cannot open or stop (it is
/// logged then). A signal while they open ends the process at once. `opened`, if set, is called
/// once all are open.
int Serve(const Services& services, StopSignals& signals, Logger& log,
          const std::function<void()>& opened = {});

}  // namespace granary::hosting
