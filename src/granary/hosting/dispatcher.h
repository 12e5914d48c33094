// Dispatcher: one request from routing to an answer: access, query parameters, the handler,
// failures as problem+json, metrics and a log line.
//
// Order      Admit looks at the head: whoever may not call is refused before the body is read.
//            Handle then has the body.
// Refuses    what a route does not look at: unknown query parameters, a body of GET and DELETE.
// Threads    fully safe.
// Owns       the router. Log, clock and metrics outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "granary/base/log.h"
#include "granary/hosting/metrics.h"
#include "granary/hosting/router.h"
#include "granary/io/clock.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

/// What is known of whoever sent a request, once that was looked at.
struct Access {
  Access(Status whether = {}) : status(std::move(whether)) {}  // NOLINT: implicit on purpose

  Status status;                         ///< Whether they may call.
  std::shared_ptr<const void> who = {};  ///< RouteCall::who.
  net::Headers headers = {};             ///< Of the answer, whatever becomes of the request.
  bool anybody = false;  ///< It is for those whom nobody knows yet, such as a login.
};

/// What the body of a request may have that needs no access: strangers hold memory by it.
inline constexpr std::uint64_t kStrangersBodyBytesMax = 16u << 10;

struct DispatcherOptions {
  /// What every answer says answers (service_name.h); empty: nothing.
  std::string_view service = {};
  /// Asked for routes that need access, and for what is no route. Everybody may when not set.
  std::function<Access(net::HttpRequest& request)> check_access = {};
  /// Asked instead for routes that are for the fleet's operators; check_access is when not set.
  std::function<Access(net::HttpRequest& request)> check_fleet = {};
  /// What a client is told of a failure of check_access or a handler, and of what a library threw.
  /// The failure itself when not set.
  std::function<Status(const Status& failure)> told = {};
  /// Retry-After of a failure that may pass by itself; `route` is a pattern, or "refused". 1 when
  /// not set.
  std::function<std::int64_t(const Status& failure, std::string_view route)> retry_after_seconds =
      {};
};

class Dispatcher {
 public:
  Dispatcher(Logger& log, const io::Clock& clock, Metrics& metrics, Router router,
             DispatcherOptions options);

  net::Admission Admit(net::HttpRequest& request) const;
  /// After Admit let it through.
  net::HttpResponse Handle(net::HttpRequest& request) const;
  /// For what the server refuses before there is a request.
  net::HttpResponse Refuse(const Status& status, std::optional<int> http_status,
                           const std::string& request_id) const;
  /// The route's; health and metrics are urgent, what has no route is not.
  net::HandlerLane LaneOf(const net::HttpRequest& request) const;

 private:
  struct Outcome;
  struct Entry;
  Status Enter(net::HttpRequest& request, Entry& entry) const;
  net::HttpResponse Problem(const net::HttpRequest& request, const Status& failure,
                            Outcome& outcome) const;
  Status Told(const Status& failure) const;
  std::int64_t RetryAfter(const Status& failure, std::string_view route) const;
  void Name(net::HttpResponse& response) const;
  void Record(const Outcome& outcome, int http_status, const Status& status) const;

  Logger& log_;
  const io::Clock& clock_;
  Metrics& metrics_;
  Router router_;
  DispatcherOptions options_;
};

}  // namespace granary::hosting
