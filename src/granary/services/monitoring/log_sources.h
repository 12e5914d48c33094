// LogSources: the last log lines of each service that is looked at: of this process, or asked for at
// its GET /logs.
//
// Asks       with OPERATION_NODE_KEY, the secret that the services of a fleet share; where there is
//            none, as a program of its machine (hosting/fleet_guard.h).
// Threads    fully safe; Read blocks for as long as the service takes, timeout_ms at most.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/log_ring.h"
#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/services/monitoring/scrape.h"

namespace granary::services {

/// As long as the longest page of a service's lines (LOG_KEEP_KB), and what stands around them.
inline constexpr std::uint64_t kLogAnswerBytesMax = 65u << 20;

class LogSources {
 public:
  using Rings = std::map<std::string, std::shared_ptr<const LogRing>, std::less<>>;

  LogSources(std::vector<Target> targets, Rings rings, std::string key, std::int64_t timeout_ms);

  /// The page that the query parameters of `request` ask for, as LogPageJson has it.
  /// kInvalidArgument: a parameter is wrong; kNotFound: there is no such service; kUnavailable: it
  /// does not answer, or does not show its lines to this service, and how that is mended;
  /// kCorruption: what it answers is none.
  Result<std::string> Read(const std::string& service, const net::HttpRequest& request) const;

 private:
  Result<std::string> Fetch(const Target& target, const net::HttpRequest& request) const;

  const std::vector<Target> targets_;
  const Rings rings_;
  const std::string key_;
  const std::int64_t timeout_ms_;
};

}  // namespace granary::services
