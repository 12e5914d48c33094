// GET /logs: the last log lines of a service, for Monitoring, which shows those of all of them.
//
// Shape      {"service":…,"lines":[{"ts":…,"level":…,"msg":…},…],"first":…,"next":…,"more":…,
//            "kept_lines":…,"kept_bytes":…,"gone_lines":…}; the oldest line first.
// Threads    fully safe.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/log_ring.h"
#include "granary/base/status.h"
#include "granary/hosting/router.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

inline constexpr std::array<std::string_view, 7> kLogParameters = {
    "level", "since", "text", "request_id", "after", "before", "limit"};
inline constexpr std::size_t kLogLinesMax = 10'000;
inline constexpr std::size_t kLogTextBytesMax = 1024;

/// kInvalidArgument names the parameter that is wrong.
Result<LogQuery> ParseLogQuery(const net::HttpRequest& request);

std::string LogPageJson(std::string_view service, const LogRing& ring, const LogQuery& query);

/// The route, for the fleet's operators (fleet_guard.h).
void AddLogRoute(const Logger& log, std::string_view service, Router& router);

}  // namespace granary::hosting
