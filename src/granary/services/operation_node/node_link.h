// NodeLinks: requests to nodes for their parts of a query, and what their refusals are to a client.
//
// Trust      a token says who asks (node_tokens.h). A node that knows no keys at all refuses it, and
//            answers its own machine without: it is asked so, and still says whose data it has.
// Threads    fully safe.
// Owns       the connections. Desk and tokens outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "granary/api/part_request.h"
#include "granary/base/status.h"
#include "granary/net/upstream_pool.h"
#include "granary/runtime/cancel.h"
#include "granary/services/operation_node/node_tokens.h"
#include "granary/services/operation_node/query_targets.h"

namespace granary::operation {

/// What of a client's request goes on to each node.
struct PassedOn {
  std::string request_id;
  std::string trace_parent;  ///< Empty: there was none.
  std::string trace_state;
};

class NodeLinks {
 public:
  NodeLinks(NodeTokens& tokens, net::UpstreamOptions options)
      : tokens_(tokens), options_(options) {}

  /// POST /parts. Anything but 200 is a failure: what the node says of the request, its pointers
  /// included; kUnavailable for what is between the two services. Messages do not name the node.
  Result<std::unique_ptr<net::UpstreamAnswer>> Ask(const QueryTarget& target, std::string_view body,
                                                   const PassedOn& passed,
                                                   const runtime::CancelToken& cancel);

  /// All sources of a tenant as its node has them now; they are kept.
  Result<std::vector<PeerSource>> AskSources(const QueryTarget& target, const PassedOn& passed,
                                             const runtime::CancelToken& cancel);
  /// Those that were kept last, if any were: whoever relies on them is told by the node when they
  /// moved on.
  std::optional<std::vector<PeerSource>> KnownSources(const std::string& tenant);

 private:
  Result<std::shared_ptr<net::UpstreamPool>> PoolOf(const std::string& url);

  NodeTokens& tokens_;
  const net::UpstreamOptions options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<net::UpstreamPool>> pools_;  // By URL. Guarded by mutex_.
  std::map<std::string, std::vector<PeerSource>> sources_;           // By tenant. The same.
};

}  // namespace granary::operation
