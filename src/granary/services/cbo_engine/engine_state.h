// EngineState: what the handlers of one CBO Engine share.
//
// Threads    fully safe.
#pragma once

#include <memory>
#include <mutex>

#include "granary/base/log.h"
#include "granary/hosting/metrics.h"
#include "granary/hosting/server_handle.h"
#include "granary/io/clock.h"
#include "granary/services/cbo_engine/config.h"
#include "granary/services/cbo_engine/trainer.h"

namespace granary::services {

/// The store and who learns from it; there between Open and Stop.
struct Workshop {
  std::unique_ptr<EngineStore> store;
  std::unique_ptr<Trainer> trainer;
};

class WorkshopDoor {
 public:
  /// kUnavailable before Open and once closed.
  Result<std::shared_ptr<Workshop>> Get() const {
    const std::lock_guard lock(mutex_);
    if (workshop_ == nullptr)
      return Status(Code::kUnavailable, "the engine is not open; try again soon");
    return workshop_;
  }
  /// Null closes it. Returns what was there.
  std::shared_ptr<Workshop> Set(std::shared_ptr<Workshop> workshop) {
    const std::lock_guard lock(mutex_);
    std::swap(workshop, workshop_);
    return workshop;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Workshop> workshop_;
};

struct EngineState {
  EngineState(const CboConfig& engine_config, Logger& logger, const io::Clock& engine_clock);

  const CboConfig config;
  Logger& log;
  const io::Clock& clock;
  hosting::Metrics metrics;
  hosting::Counter &accepted, &refused, &fits, &failures;
  hosting::ServerHandle server;
  WorkshopDoor workshop;
};

/// "0.1.0"
std::string_view EngineVersion();

}  // namespace granary::services
