// MetadataCatalog: the service on port 8083: what all sources of all tenants are made of, as their
// nodes tell it; what schema changes would break; when and how files are merged.
//
// Life       Listen answers at once (health 503) -> Open opens its file -> Stop closes it. A file
//            that cannot be used keeps health at 503 and says why; the other services go on.
// Promise    nodes do without: what is not told while this is away is told when it is back.
// Threads    Listen, Open and Stop from one thread, or Open beside a thread that waits to Stop.
// Owns       its folder, DATA_PATH/catalog. The log outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/service.h"
#include "granary/services/metadata_catalog/config.h"

namespace granary::catalog {

class MetadataCatalog final : public hosting::Service {
 public:
  /// kConflict when the port is taken, kInvalidArgument for files that TLS cannot use.
  static Result<std::unique_ptr<MetadataCatalog>> Listen(const Config& config, Logger& log);
  /// Stops.
  ~MetadataCatalog() override;

  std::string_view name() const override { return "metadata-catalog"; }
  /// kConflict when another process uses its folder.
  Status Open() override;
  Status Stop() override;

  std::uint16_t port() const;

 private:
  struct State;
  explicit MetadataCatalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::catalog
