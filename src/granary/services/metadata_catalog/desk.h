// Desk: what the handlers of a Metadata Catalog work with; there once it is open.
//
// Threads    fully safe, as its parts are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/metrics.h"
#include "granary/io/clock.h"
#include "granary/services/metadata_catalog/catalog_db.h"
#include "granary/services/metadata_catalog/config.h"
#include "granary/services/metadata_catalog/heard_book.h"
#include "granary/services/metadata_catalog/policy_book.h"

namespace granary::catalog {

/// A node that said nothing for so long is not reckoned with.
inline constexpr std::int64_t kSilentUs = 60'000'000;

struct Desk {
  const Config& config;
  CatalogDb& db;
  PolicyBook& policies;
  HeardBook& heard;
  const io::Clock& clock;
  Logger& log;
  hosting::Counter& parts;  ///< Of sources, that were taken.
};

/// kUnavailable before the service is open and once it has stopped; why its file cannot be used.
using FindDesk = std::function<Result<std::shared_ptr<Desk>>()>;

/// Has compactions that are due asked for, and gives up those of nodes that fell silent. Called
/// every second.
Status KeepSchedule(Desk& desk);

}  // namespace granary::catalog
