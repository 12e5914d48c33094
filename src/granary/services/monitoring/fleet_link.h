// FleetLink: what Monitoring asks of the Operation Node for those who run all services: tenants,
// nodes, and what a tenant holds.
//
// Asks       with OPERATION_NODE_KEY. So whoever is let through here may do all that the routes of
//            fleet_routes.cc offer: operators, and programs of this machine.
// Threads    fully safe; a call blocks for as long as the Operation Node takes, kFleetTimeoutMs at
//            most.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_client.h"
#include "granary/net/http_message.h"
#include "granary/services/monitoring/fleet_nodes.h"

namespace granary::services {

inline constexpr std::int64_t kFleetTimeoutMs = 10'000;

class FleetLink {
 public:
  /// Without a URL every call is kUnavailable, and says so.
  FleetLink(std::string operation_node_url, std::string key);

  /// The Operation Node's answer to the same request at `target`; `actor`, when it is not empty, is
  /// told for its audit log. kUnavailable: it cannot be
  /// reached, or does not take our key; kIoError: what came of a request that changes something is
  /// not known.
  Result<net::HttpResponse> Forward(const net::HttpRequest& request, const std::string& target,
                                    const std::string& actor) const;

  /// {"tenant_id":…,"rows":…,"bytes":…,"sources":…} as its node measures it at this moment; nulls
  /// while none serves it. Forward's errors; kNotFound when there is no such tenant.
  Result<std::string> SizeOf(const std::string& tenant, const net::HttpRequest& request) const;

  /// Its nodes that should run, at most so many; each page of them takes timeout_ms at most.
  /// kUnavailable when it cannot be reached or refuses, kCorruption for what is no page of nodes.
  Result<FleetNodes> Nodes(std::size_t nodes_max, std::int64_t timeout_ms) const;

  bool is_there() const { return !url_.empty(); }
  const std::string& url() const { return url_; }

 private:
  Result<net::ClientResponse> Send(std::string_view method, const std::string& target,
                                   std::string_view body, const std::string& request_id,
                                   std::int64_t timeout_ms = kFleetTimeoutMs,
                                   const std::string& actor = {}) const;

  const std::string url_, key_;
};

}  // namespace granary::services
