// SeriesStore: what was measured, over time, kept in Granary itself.
//
// Shape      a source `series` of the service's own tenant: service, name, labels (a JSON object as
//            text; of a node of the fleet `node` is the first), at, value; a file a day, sorted by
//            name; kept for so many days.
// Not kept   buckets of histograms (their _sum and _count are), and values that are no numbers.
// Threads    fully safe, Close excepted.
// Units      microseconds since the epoch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/embedded_tenant.h"
#include "granary/runtime/cancel.h"
#include "granary/services/monitoring/scrape.h"

namespace granary::services {

struct SeriesStoreOptions {
  std::string root;
  std::int64_t retention_days = 7;
  std::uint64_t memory_bytes = 128u << 20;
};

/// kRate: for counters, by how much they grew in a second.
enum class SeriesOf : std::uint8_t { kAvg, kMin, kMax, kLast, kRate };

struct SeriesRange {
  std::string name;
  std::string service;  ///< Empty: of all.
  std::string node;     ///< An identifier, of the fleet; empty: of all, and of services.
  std::int64_t start_us = 0, end_us = 0;
  std::int64_t step_us = 60'000'000;
  SeriesOf of = SeriesOf::kAvg;
};

/// More points than this of one series are refused, as Prometheus does.
inline constexpr std::int64_t kPointsMax = 11'000;

struct SeriesPoint {
  std::int64_t at_us = 0;  ///< The beginning of its step.
  double value = 0;
};

struct Series {
  std::string service;
  std::string labels;  ///< A JSON object.
  std::vector<SeriesPoint> points;
};

class SeriesStore {
 public:
  static Result<std::unique_ptr<SeriesStore>> Open(const SeriesStoreOptions& options, Logger& log);

  /// Adds `up`, `ready` and the numbers of each scrape that is new.
  Status Append(const std::vector<Scrape>& scrapes);
  /// By service and labels. kInvalidArgument for an empty range or too many points.
  Result<std::vector<Series>> Read(const SeriesRange& range, const runtime::CancelToken& cancel);
  /// All names there are, sorted.
  Result<std::vector<std::string>> Names(const runtime::CancelToken& cancel);

  Status Close() { return tenant_->Close(); }

 private:
  explicit SeriesStore(std::unique_ptr<hosting::EmbeddedTenant> tenant)
      : tenant_(std::move(tenant)) {}
  std::unique_ptr<hosting::EmbeddedTenant> tenant_;
};

}  // namespace granary::services
