// Router: which route answers a method and a path.
//
// Patterns   "/sources/{id}/stats": a word in braces takes any one segment. A literal segment wins
//            over a parameter. Every pattern also answers under /v1.
// Threads    const from many once built.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "granary/base/status.h"
#include "granary/net/handler_lanes.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

/// A request on its way to a route's handler.
struct RouteCall {
  net::HttpRequest& request;
  std::vector<std::string> parameters;  ///< In order of the pattern.
  /// What check_access found out of who asks; its service knows the type.
  std::shared_ptr<const void> who = {};
  net::Headers problem_headers = {};  ///< Set by a handler that fails: what the problem carries,
  std::optional<int> problem_status = {};  ///< and HTTP's status, where the code alone says less.
};

using RouteHandler = std::function<Result<net::HttpResponse>(RouteCall& call)>;

struct Route {
  std::string method;
  std::string pattern;
  RouteHandler handler;
  bool needs_access = true;  ///< Health and metrics do not.
  bool for_fleet = false;    ///< Not for callers of the service, but for the fleet's operators.
  net::HandlerLane lane = net::HandlerLane::kOrdinary;
  std::vector<std::string> query = {};        ///< Query parameters that it knows.
  std::vector<std::string> later_query = {};  ///< Those of a later version, answered 501 by name.
  bool any_query = false;                     ///< Another service looks at them.
  bool between_services = false;              ///< Not for clients, and in no OpenAPI document.
};

/// A path as patterns have it: "/v1/sources" -> "/sources".
std::string_view WithoutVersion(std::string_view path);

class Router {
 public:
  void Add(Route route);
  /// Routes in the one lane are in the other from now on.
  void MoveLane(net::HandlerLane from, net::HandlerLane to);

  struct Found {
    const Route* route = nullptr;
    std::vector<std::string> parameters;
  };
  /// HEAD finds GET's route. kNotFound; kMethodNotAllowed, `allow` then lists the path's methods.
  Result<Found> Find(std::string_view method, std::string_view path, std::string& allow) const;

  struct Entry {
    Route route;
    std::vector<std::string> segments;  ///< Of the pattern.
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  const Entry* FindLiteral(std::string_view method, std::string_view path) const;

  /// Of texts and views of such.
  struct PathHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view path) const {
      return std::hash<std::string_view>()(path);
    }
  };

  std::vector<Entry> entries_;
  /// Patterns without parameters, which win over all others: the places of their entries.
  std::unordered_map<std::string, std::vector<std::size_t>, PathHash, std::equal_to<>> literal_;
};

}  // namespace granary::hosting
