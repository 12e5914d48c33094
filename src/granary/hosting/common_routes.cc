#include "granary/hosting/common_routes.h"

#include <memory>
#include <string>

#include "granary/base/append_format.h"
#include "granary/hosting/process_stats.h"
#include "granary/hosting/responses.h"

namespace granary::hosting {
namespace {

struct Desk {
  CommonRoutes common;
  std::int64_t started_ns;

  double uptime_seconds() const {
    return static_cast<double>(common.clock.MonotonicNanos() - started_ns) / 1e9;
  }
  Status Ready() const { return common.ready ? common.ready() : Status::Ok(); }
};

net::HttpResponse Healthy(const Desk& desk) {
  std::string body;
  api::JsonObject object(body);
  object.Add("status", "ok");
  object.Add("service", desk.common.service);
  if (desk.common.describe) desk.common.describe(object);
  object.Add("version", desk.common.version);
  AppendFormat(object.Key("uptime_seconds"), "{:.3f}", desk.uptime_seconds());
  object.Close();
  return JsonResponse(std::move(body));
}

net::HttpResponse Measured(const Desk& desk, const net::HttpRequest& request) {
  const ProcessStats process = ReadProcessStats();
  const net::HttpServerStats server = desk.common.server.Get().stats();
  std::vector<Sample> samples = {
      {"granary_ready", "1 once the service can do its work", desk.Ready().ok() ? 1.0 : 0.0},
      {"granary_uptime_seconds", "Since the start", desk.uptime_seconds()},
      {"granary_http_connections", "Open connections", static_cast<double>(server.connections)},
      {"granary_http_in_flight", "Requests that run or wait for a thread",
       static_cast<double>(server.in_flight)},
      {"process_resident_memory_bytes", "Resident memory",
       static_cast<double>(process.resident_bytes)},
      {"process_open_fds", "Open descriptors", static_cast<double>(process.open_descriptors)},
      {"process_threads", "Threads", static_cast<double>(process.threads)},
  };
  if (desk.common.sample) desk.common.sample(samples);
  net::HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = desk.common.metrics.Render(samples);
  if (desk.common.expose) {
    response.body = desk.common.expose(std::move(response.body), request.QueryParameter("service"));
  }
  return response;
}

}  // namespace

void AddCommonRoutes(CommonRoutes common, Router& router) {
  const std::int64_t started_ns = common.clock.MonotonicNanos();
  const auto desk = std::make_shared<const Desk>(Desk{std::move(common), started_ns});
  const auto add = [&router](std::string pattern, RouteHandler handler,
                             std::vector<std::string> query = {}) {
    router.Add({.method = "GET",
                .pattern = std::move(pattern),
                .handler = std::move(handler),
                .needs_access = false,
                .query = std::move(query)});
  };
  const RouteHandler ready = [desk](RouteCall&) -> Result<net::HttpResponse> {
    GRANARY_TRY(desk->Ready());
    return Healthy(*desk);
  };
  add("/health", ready);
  add("/health/ready", ready);
  add("/health/live", [desk](RouteCall&) -> Result<net::HttpResponse> { return Healthy(*desk); });
  add(
      "/metrics",
      [desk](RouteCall& call) -> Result<net::HttpResponse> {
        return Measured(*desk, call.request);
      },
      desk->common.expose ? std::vector<std::string>{"service"} : std::vector<std::string>());
  add("/openapi.json", [desk](RouteCall&) -> Result<net::HttpResponse> {
    return JsonResponse(std::string(desk->common.openapi));
  });
}

}  // namespace granary::hosting
