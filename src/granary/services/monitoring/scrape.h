// Scrape: what one look at a service found.
//
// Threads    values; ScrapeTarget blocks for as long as its service takes: at most timeout_ms for
//            each of its two answers, however slowly they come.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/services/monitoring/exposition.h"

namespace granary::services {

struct Target {
  std::string service;    ///< "tenant-node"
  std::string url;        ///< "http://127.0.0.1:8000"
  std::string node = {};  ///< Its id at the Operation Node; empty: one of MONITORING_TARGETS.

  bool IsSame(const Target& other) const { return service == other.service && node == other.node; }
};

/// "tenant-node=http://127.0.0.1:8000,auth-gateway=…"; kInvalidArgument says which part is none.
Result<std::vector<Target>> ParseTargets(std::string_view text);

struct Scrape {
  Target target;
  std::int64_t at_us = 0;
  bool up = false;        ///< It answers.
  bool ready = false;     ///< Its /health is 200.
  bool measured = false;  ///< Its metrics were read.
  double health_ms = 0;
  std::string health;  ///< The answer: a JSON object, or nothing.
  std::string error;   ///< Why it is not up or not ready, or its metrics could not be read.
  Exposition metrics;
  /// False: there was no time for it in the last round; all of this is of an earlier one.
  bool is_new = true;
};

/// Asks for /health, then /metrics. Answers of more than kScrapeBytesMax are not taken, nor is the
/// health of a node of the fleet that is longer than kNodeHealthBytesMax; that what answers there is
/// a Tenant Node, its answer must say: whoever registered it chose where we look.
inline constexpr std::size_t kScrapeBytesMax = 4 << 20;
inline constexpr std::size_t kNodeHealthBytesMax = 16 << 10;
Scrape ScrapeTarget(const Target& target, std::int64_t timeout_ms, const io::Clock& clock);

/// {"service":…,"url":…,"status":"ok"|"not ready"|"down",…}
std::string ScrapeJson(const Scrape& scrape);

}  // namespace granary::services
