// GatewayLink: what Monitoring asks of the Auth Gateway: who shows a credential, and, for the
// console, what a user of it may ask for themselves.
//
// Promise    a request goes on with its credential and with nothing that would add to its rights:
//            the gateway decides as if the browser had come to it.
// Threads    fully safe; a call blocks for as long as the gateway takes.
// Owns       its connections. The clock outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/net/http_message.h"
#include "granary/net/upstream_pool.h"
#include "granary/security/bounded_table.h"

namespace granary::services {

/// What the gateway says of whoever showed a credential.
struct MonitoringCaller {
  std::string user, tenant;
  bool is_operator = false;
  bool is_tenant_admin = false;  ///< `admin` on every source of the tenant.
};

/// How long an answer of the gateway about a credential is taken for true.
inline constexpr std::int64_t kCallerKeptMs = 5'000;

class GatewayLink {
 public:
  /// Without an address, or with one that is not plain HTTP, every call is kUnavailable and says
  /// so.
  GatewayLink(std::string_view gateway_url, const io::Clock& clock);
  ~GatewayLink();

  /// kUnauthenticated: the gateway does not know it. kUnavailable: the gateway cannot be asked.
  /// kCorruption: what it says is nothing that this version knows. kQuotaExceeded; kCancelled and
  /// kDeadlineExceeded by `cancel`. `authorization` is the header's value.
  Result<MonitoringCaller> WhoShows(std::string_view authorization,
                                    const runtime::CancelToken& cancel);

  /// The gateway's answer to the same request at `target`, as it comes. kUnavailable: the gateway
  /// cannot be reached, and nothing was carried out. kIoError: it broke off before its answer, and
  /// kDeadlineExceeded: it was silent for too long; what came of the request is not known then.
  /// kDeadlineExceeded and kCancelled also by the request's own time and end.
  Result<net::HttpResponse> Forward(const net::HttpRequest& request, const std::string& target);

 private:
  struct Kept {
    MonitoringCaller caller;
    std::int64_t until_ns = 0;
  };
  Result<MonitoringCaller> Ask(std::string_view authorization, const runtime::CancelToken& cancel);

  const io::Clock& clock_;
  std::string why_not_;  ///< There is a gateway when this is empty.
  std::unique_ptr<net::Upstream> questions_, passage_;
  std::mutex mutex_;
  security::BoundedTable<Kept> kept_;  // Guarded by mutex_; by the credential's SHA-256.
};

/// Reads the body of GET /auth/me. kCorruption when it is none.
Result<MonitoringCaller> ParseCaller(std::string_view body);

}  // namespace granary::services
