// EmfWriter: what a look at the services found, as lines that Amazon CloudWatch makes metrics of.
//
// Shape      one JSON object a service and look, with the dimension "service":
//            {"_aws":{"Timestamp":…,"CloudWatchMetrics":[…]},"service":"tenant-node","up":1,…}
// Counters   as what was added since the look before: CloudWatch sums, and knows no counters. The
//            first look at a service has none, and one whose process began anew counts from 0.
// Source     Embedded metric format specification, docs.aws.amazon.com/AmazonCloudWatch.
// Threads    one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/services/monitoring/scrape.h"

namespace granary::services {

class EmfWriter {
 public:
  explicit EmfWriter(std::string metrics_namespace) : namespace_(std::move(metrics_namespace)) {}

  /// A line for each service, without its end.
  std::vector<std::string> Lines(const std::vector<Scrape>& scrapes);

 private:
  std::string Line(const Scrape& scrape);

  const std::string namespace_;
  std::map<std::pair<std::string, std::string_view>, double> seen_;  ///< Counters, by service.
};

}  // namespace granary::services
