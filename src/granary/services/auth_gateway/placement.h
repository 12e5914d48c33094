// Placement: which node serves a tenant.
//
// Threads    fully safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/upstream_pool.h"
#include "granary/runtime/cancel.h"

namespace granary::gateway {

struct PlacedNode {
  std::shared_ptr<net::Upstream> link;
  std::string audience;  ///< Whom a token for it names.
  std::string name;      ///< For logs.
  std::string host;      ///< Of its address.
};

class Placement {
 public:
  virtual ~Placement() = default;
  /// kUnavailable when nobody serves the tenant now.
  /// kDeadlineExceeded when `cancel`, the request's, says so before anybody knows.
  virtual Result<PlacedNode> NodeOf(const std::string& tenant,
                                    const runtime::CancelToken& cancel) = 0;
  /// The node that NodeOf named says that it does not serve the tenant: who asks next waits for
  /// whoever places tenants, as far as somebody does.
  virtual void Mistrust(const std::string& /*tenant*/) {}
  /// Whether there is such a tenant, served or not, at this moment. kNotFound when there is none,
  /// kUnavailable while whoever knows cannot be asked, kDeadlineExceeded. OK where nobody knows.
  virtual Status CheckTenant(const std::string& tenant, const runtime::CancelToken& cancel) = 0;
};

/// "acme=http://127.0.0.1:8000,globex=http://127.0.0.1:8001". kInvalidArgument says what is wrong.
Result<std::map<std::string, net::UpstreamAddress>> ParseNodeList(std::string_view text);

/// As the operator wrote it down.
class FixedPlacement final : public Placement {
 public:
  FixedPlacement(const std::map<std::string, net::UpstreamAddress>& nodes,
                 net::UpstreamOptions options);
  Result<PlacedNode> NodeOf(const std::string& tenant,
                            const runtime::CancelToken& cancel = {}) override;
  /// OK: tenants whose node is not written down yet may have users already.
  Status CheckTenant(const std::string& /*tenant*/,
                     const runtime::CancelToken& /*cancel*/) override {
    return Status::Ok();
  }

 private:
  std::map<std::string, PlacedNode> nodes_;
};

}  // namespace granary::gateway
