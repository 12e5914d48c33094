#include "granary/services/operation_node/routes.h"

#include <charconv>

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/hosting/responses.h"
#include "granary/services/operation_node/access.h"
#include "granary/services/operation_node/query_desk.h"
#include "granary/services/operation_node/query_routes.h"

namespace granary::operation {
namespace {

constexpr const char* kLaterRoutes[] = {"/query/sql"};

}  // namespace

void AddDeskRoute(const FindDesk& find, hosting::Route route, DeskHandler handler,
                  hosting::Router& router) {
  route.handler =
      [find, handler = std::move(handler)](hosting::RouteCall& call) -> Result<net::HttpResponse> {
    GRANARY_ASSIGN(const auto desk, find());
    return handler(*desk, call);
  };
  router.Add(std::move(route));
}

void AddQueryRoutes(const FindDesk& find, hosting::Router& router) {
  using Handler = Result<net::HttpResponse> (*)(const std::shared_ptr<Desk>&, hosting::RouteCall&);
  const auto add = [&](const char* pattern, Handler handler, std::vector<std::string> query) {
    router.Add({.method = "POST",
                .pattern = pattern,
                .handler = [find, handler](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                  GRANARY_ASSIGN(const auto desk, find());
                  GRANARY_TRY(CheckDataCaller(call.request, desk->config));
                  return handler(desk, call);
                },
                .lane = net::HandlerLane::kPatient,  // For nodes.
                .query = std::move(query)});
  };
  add("/query/search", QuerySearch, {});
  add("/query/search/stream", QueryStream, {"frames"});
  add("/query/aggregate", QueryAggregate, {});
  // Public keys, for nodes on other machines.
  router.Add({.method = "GET",
              .pattern = "/jwks.json",
              .handler = [find](hosting::RouteCall&) -> Result<net::HttpResponse> {
                GRANARY_ASSIGN(const auto desk, find());
                return hosting::JsonResponse(desk->queries->jwks);
              },
              .needs_access = false});
}

void AddLaterRoutes(hosting::Router& router) {
  for (const char* pattern : kLaterRoutes) {
    router.Add({.method = "POST",
                .pattern = pattern,
                .handler = [pattern](hosting::RouteCall&) -> Result<net::HttpResponse> {
                  return Status::Unsupported(
                      fmt::format("POST {} is not offered by this version", pattern));
                }});
  }
}

net::HttpResponse SeenResponse(const Fleet::Seen& seen, std::string body) {
  net::HttpResponse response = hosting::JsonResponse(std::move(body));
  if (seen.stale_ms > 0) response.headers.Set(kStaleHeader, std::to_string(seen.stale_ms));
  return response;
}

Result<std::string> PathIdentifier(const hosting::RouteCall& call) {
  const std::string& text = call.parameters[0];
  if (IsIdentifier(text)) return text;
  return InvalidIdentifier(text);
}

Result<PageRequest> ParsePage(const net::HttpRequest& request) {
  PageRequest page;
  if (const auto limit = request.QueryParameter("limit")) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), value);
    if (error != std::errc() || end != limit->data() + limit->size() || value < 1 ||
        value > kPageMax) {
      return Status(Code::kInvalidArgument,
                    fmt::format("limit is '{}', allowed: a whole number from 1 to {}",
                                limit->substr(0, 64), kPageMax));
    }
    page.limit = static_cast<std::size_t>(value);
  }
  if (const auto cursor = request.QueryParameter("cursor")) {
    if (!IsIdentifier(*cursor)) {
      return Status(Code::kInvalidArgument,
                    fmt::format("cursor is '{}', which no answer gave", cursor->substr(0, 64)));
    }
    page.after = std::string(*cursor);
  }
  return page;
}

}  // namespace granary::operation
