// EmbeddedTenant: a tenant inside a service, for what the service itself keeps: series, history.
//
// Shape      small: a few megabytes of caches and logs, and a share of memory that its queries
//            cannot outgrow. Requests are those of POST /data/…, so that what is kept can be read
//            by the same words.
// Threads    fully safe, Close excepted.
// Owns       its files, clock, workers and store; the folder is locked while it lives. The log
//            outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/query/exec/aggregate.h"
#include "granary/tenant/tenant.h"

namespace granary::hosting {

struct EmbeddedTenantOptions {
  std::string root;  ///< Its folder, made when it is not there.
  std::string tenant_id = "system";
  std::uint64_t memory_bytes = 128u << 20;  ///< Of all it does.
};

class EmbeddedTenant {
 public:
  /// Tenant::Open's errors.
  static Result<std::unique_ptr<EmbeddedTenant>> Open(const EmbeddedTenantOptions& options,
                                                      Logger& log);
  ~EmbeddedTenant();

  /// POST /sources/add: again and again, with the same body.
  Status AddSource(std::string_view body);
  /// PATCH /sources/{id}.
  Status ChangeSource(const std::string& source, std::string_view body);
  /// A JSON array of bare records, durable when it returns unless the source says otherwise.
  Status Write(const std::string& source, std::string_view records);
  /// POST /data/aggregate.
  Result<query::AggregateAnswer> Aggregate(std::string_view body,
                                           const runtime::CancelToken& cancel = {});
  /// POST /data/search; the records as JSON: [{"at":…}, …].
  Result<std::string> Search(std::string_view body, const runtime::CancelToken& cancel = {});

  Tenant& tenant() { return *tenant_; }
  Status Close();

 private:
  struct Machinery;
  EmbeddedTenant(std::unique_ptr<Machinery> machinery, std::unique_ptr<Tenant> tenant);
  std::unique_ptr<Machinery> machinery_;
  std::unique_ptr<Tenant> tenant_;  // Uses the machinery.
};

}  // namespace granary::hosting
