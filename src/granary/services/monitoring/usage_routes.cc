#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/monitoring/routes.h"

namespace granary::services {
namespace {

// Of a node with many tenants each sample that is one tenant's names it.
std::string_view OneTenantOf(const Scrape& scrape) {
  const MetricFamily* info = scrape.metrics.Find("granary_build_info");
  return info == nullptr || info->samples.empty() ? "" : info->samples[0].Label("tenant_id");
}

bool Serves(const Scrape& scrape, std::string_view tenant) {
  if (const std::string_view one = OneTenantOf(scrape); !one.empty()) return one == tenant;
  const MetricFamily* sources = scrape.metrics.Find("granary_sources");
  return sources != nullptr && std::ranges::any_of(sources->samples, [&](const auto& sample) {
           return sample.Label("tenant_id") == tenant;
         });
}

double SumOf(const Scrape& scrape, std::string_view family, std::string_view tenant) {
  const bool is_one = !OneTenantOf(scrape).empty();
  double sum = 0;
  if (const MetricFamily* found = scrape.metrics.Find(family); found != nullptr)
    for (const MetricSample& sample : found->samples)
      if (is_one || sample.Label("tenant_id") == tenant) sum += sample.value;
  return sum;
}

struct UsageMember {
  std::string_view name, family;
};
constexpr UsageMember kUsage[] = {
    {"requests", "granary_http_requests_total"},
    {"calls", "granary_grpc_requests_total"},
    {"rows_written", "granary_rows_written_total"},
    {"rows_returned", "granary_rows_returned_total"},
    {"searches", "granary_searches_admitted_total"},
    {"sources", "granary_sources"},
    {"segments", "granary_segments"},
    {"hot_bytes", "granary_hot_bytes"},
    {"wal_bytes", "granary_wal_bytes"},
};

// Counters are of the nodes' present processes.
Result<net::HttpResponse> ShowUsage(const MonitoringDesk& desk, const std::string& tenant) {
  std::vector<Scrape> nodes = desk.monitor.Scrapes();
  std::erase_if(nodes, [&](const Scrape& scrape) { return !Serves(scrape, tenant); });
  if (nodes.empty()) {
    return Status(Code::kNotFound, fmt::format("no service that answers serves a tenant '{}'",
                                               tenant.substr(0, 128)));
  }
  std::string body;
  api::JsonObject object(body);
  object.Add("tenant_id", std::string_view(tenant));
  object.Add("nodes", nodes.size());
  for (const UsageMember& member : kUsage) {
    double sum = 0;
    for (const Scrape& node : nodes) sum += SumOf(node, member.family, tenant);
    AppendFormat(object.Key(member.name), "{}", sum);
  }
  object.Close();
  return hosting::JsonResponse(std::move(body));
}

}  // namespace

void AddUsageRoutes(const FindMonitoringDesk& find, hosting::Router& router) {
  router.Add({.method = "GET",
              .pattern = "/usage/{tenant}",
              .handler = [find](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                GRANARY_ASSIGN(const auto desk, find());
                return ShowUsage(*desk, call.parameters[0]);
              }});
}

}  // namespace granary::services
