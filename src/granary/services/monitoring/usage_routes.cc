#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/monitoring/routes.h"

namespace granary::services {
namespace {

constexpr std::string_view kTenantLabel = "tenant_id";

// Empty: of a node with many tenants, each sample that is one tenant's names it.
std::string_view OneTenantOf(const Scrape& scrape) {
  const MetricFamily* info = scrape.metrics.Find("granary_build_info");
  return info == nullptr || info->samples.empty() ? "" : info->samples[0].Label(kTenantLabel);
}

bool Serves(const Scrape& scrape, std::string_view tenant) {
  if (const std::string_view one = OneTenantOf(scrape); !one.empty()) return one == tenant;
  const MetricFamily* sources = scrape.metrics.Find("granary_sources");
  return sources != nullptr && std::ranges::any_of(sources->samples, [&](const auto& sample) {
           return sample.Label(kTenantLabel) == tenant;
         });
}

// What of a family is the tenant's: its own samples where they name a tenant, all of them on a node
// that serves it alone. Nothing: the node does not tell its tenants apart.
std::optional<double> SumOf(const Scrape& scrape, std::string_view family, std::string_view tenant,
                            bool is_alone) {
  const MetricFamily* found = scrape.metrics.Find(family);
  if (found == nullptr) return is_alone ? std::optional(0.0) : std::nullopt;
  std::optional<double> sum;
  for (const MetricSample& sample : found->samples) {
    const std::string_view named = sample.Label(kTenantLabel);
    if (named == tenant || (named.empty() && is_alone)) sum = sum.value_or(0) + sample.value;
  }
  return sum;
}

struct UsageMember {
  std::string_view name, family;
};
constexpr UsageMember kUsage[] = {
    {"requests", "granary_tenant_requests_total"},
    {"calls", "granary_tenant_calls_total"},
    {"rows_written", "granary_tenant_rows_written_total"},
    {"rows_returned", "granary_tenant_rows_returned_total"},
    {"searches", "granary_searches_admitted_total"},
    {"sources", "granary_sources"},
    {"segments", "granary_segments"},
    {"hot_bytes", "granary_hot_bytes"},
    {"wal_bytes", "granary_wal_bytes"},
};

struct UsageSource {
  Scrape scrape;
  bool is_alone = true;  ///< It serves no other tenant.
};

// Where the Operation Node placed the tenant; a node that is looked at as a service is found there.
// What nodes say of themselves is not asked: one that named another's tenant would be taken for its.
Result<std::vector<UsageSource>> SourcesOfFleet(const NodeSeen& node,
                                                const std::vector<Scrape>& services) {
  const Scrape* scrape = node.not_looked_at.empty() ? &node.scrape : nullptr;
  if (!node.as_service.empty()) {
    const auto found = std::ranges::find(services, node.as_service,
                                         [](const Scrape& one) { return one.target.service; });
    if (found != services.end()) scrape = &*found;
  }
  if (scrape == nullptr || !scrape->measured) {
    return Status(Code::kUnavailable,
                  "what the tenant's node measures is not known: see GET /status");
  }
  if (node.series_left_out > 0) {
    return Status(Code::kUnavailable,
                  "the tenant's node tells more than SCRAPE_NODE_SERIES_MAX numbers, so which are "
                  "the tenant's is not known");
  }
  return std::vector<UsageSource>{{*scrape, node.node.tenants.size() == 1}};
}

Result<std::vector<UsageSource>> SourcesOf(const MonitoringDesk& desk, const std::string& tenant) {
  std::vector<Scrape> services = desk.monitor.Scrapes();
  const NodesSeenPtr nodes = desk.monitor.Nodes();
  const NodeSeen* node = nodes == nullptr ? nullptr : nodes->NodeOf(tenant);
  if (node != nullptr) return SourcesOfFleet(*node, services);
  std::vector<UsageSource> out;
  for (Scrape& service : services) {
    if (!Serves(service, tenant)) continue;
    const bool is_alone = !OneTenantOf(service).empty();
    out.push_back({std::move(service), is_alone});
  }
  if (!out.empty()) return out;
  return Status(Code::kNotFound, fmt::format("no service or node that is looked at serves a tenant "
                                             "'{}'",
                                             tenant.substr(0, 128)));
}

// Counters are of the nodes' present processes.
Result<net::HttpResponse> ShowUsage(const MonitoringDesk& desk, const std::string& tenant) {
  GRANARY_ASSIGN(const std::vector<UsageSource> sources, SourcesOf(desk, tenant));
  std::string body;
  api::JsonObject object(body);
  object.Add("tenant_id", std::string_view(tenant));
  object.Add("nodes", sources.size());
  for (const UsageMember& member : kUsage) {
    std::optional<double> sum;
    for (const UsageSource& source : sources) {
      const auto one = SumOf(source.scrape, member.family, tenant, source.is_alone);
      if (one) sum = sum.value_or(0) + *one;
    }
    if (sum && std::isfinite(*sum))
      AppendFormat(object.Key(member.name), "{}", *sum);
    else
      object.AddNull(member.name);
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
