// CatalogLink: tells the Metadata Catalog what this node's sources are made of, and does what it
// answers: policies of merging, compactions.
//
// Promise    beside serving, on a thread of its own that gives way to others: nothing of a client
//            waits for it. While the catalog is away one part (some megabytes) waits to be sent, and
//            what happens meanwhile is told as a difference afterwards. A catalog that forgot is
//            told all again.
// Away       policies hold on while the catalog is away; when intervals are over the node then says
//            itself, after kTimedWithoutCatalog.
// Threads    one of its own; the counts are fully safe.
// Owns       nothing of the tenant's, which outlives it, as do clock and log.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/catalog_answer_json.h"
#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/net/http_client.h"
#include "granary/runtime/job_threads.h"
#include "granary/runtime/periodic.h"
#include "granary/services/tenant_node/catalog_orders.h"
#include "granary/tenant/tenant_news.h"

namespace granary::services {

struct CatalogLinkOptions {
  std::string url;        ///< METADATA_CATALOG_URL
  std::string fleet_key;  ///< OPERATION_NODE_KEY; empty: none is shown.
  std::string node_id, node_key;
  std::string version;
  std::string settings;  ///< JSON: the node's own policy, and what bounds its sources.
  std::chrono::milliseconds interval{500};
  std::int64_t statistics_interval_us = 30'000'000;
};

struct CatalogLinkCounts {
  std::uint64_t parts = 0;     ///< That the catalog took.
  std::uint64_t sessions = 0;  ///< Each began with all.
};

class CatalogLink {
 public:
  static constexpr std::chrono::seconds kTimedWithoutCatalog{60};

  /// kInvalidArgument for a URL that is none. `shared` null: it has a thread of its own. Else they
  /// outlive it.
  static Result<std::unique_ptr<CatalogLink>> Start(CatalogLinkOptions options, Tenant& tenant,
                                                    const io::Clock& clock, Logger& log,
                                                    runtime::JobThreads* shared = nullptr);
  ~CatalogLink();

  CatalogLinkCounts counts() const { return {parts_.load(), sessions_.load()}; }

 private:
  CatalogLink(CatalogLinkOptions options, net::HttpClient client, Tenant& tenant,
              const io::Clock& clock, Logger& log, runtime::JobThreads* shared);
  void Run();
  Status Talk();
  Status OpenSession();
  Status Publish();
  void MakePart();
  Result<net::ClientResponse> Send(std::string_view method, const std::string& target,
                                   const std::string& body);
  void Refused(const net::ClientResponse& answer);
  void Obey(const api::CatalogAnswer& answer);
  void ApplyPolicies(bool timed);

  const CatalogLinkOptions options_;
  const bool has_own_thread_;
  net::HttpClient client_;
  Tenant& tenant_;
  const io::Clock& clock_;
  Logger& log_;
  TenantNews news_;
  CatalogOrders orders_;
  std::uint64_t session_ = 0;                      // 0: none.
  std::string part_;                               // Not taken yet; sent again as it is, with
  std::vector<api::CompactionProgress> reported_;  // and, behind it,
  bool more_ = false;                              // more.
  api::NodePolicies policies_;
  bool is_timed_ = false;
  std::int64_t heard_ns_ = 0, retry_ns_ = 0, wait_ns_ = 0;
  std::string trouble_;  // Empty: the last round was heard.
  bool was_heard_ = false;
  std::atomic<std::uint64_t> parts_ = 0, sessions_ = 0;
  std::unique_ptr<runtime::PeriodicJob> job_;  // Uses all of the above.
};

}  // namespace granary::services
