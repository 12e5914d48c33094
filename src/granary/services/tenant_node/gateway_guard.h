// GatewayGuard: who a request comes from and what they may do, by the token that the Auth Gateway
// sends along.
//
// Rule       with GATEWAY_JWKS set every request needs a token that those keys have signed for a
//            node and its tenant, the one that this node serves; with NODE_CAPACITY above 1 the
//            token alone says which tenant that is. Where it comes from does not matter. Without it, or with
//            GATEWAY_REQUIRED=false, a node also answers its own machine (loopback_guard.h). A
//            token that is there is never passed over: without keys to check it, it is refused.
// Keys       read when the first token comes, once a minute, and when a token names one that is not
//            known yet, but not more often than once a second. While they cannot be read the last
//            ones serve. Whoever comes while they are being read waits for that one reading, no
//            longer than kAwaitKeysMs and its own deadline.
// Threads    fully safe.
// Owns       its thread. Log, clock and files outlive it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/grpc_dispatcher.h"
#include "granary/hosting/router.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/periodic.h"
#include "granary/security/bounded_table.h"
#include "granary/security/key_set.h"
#include "granary/services/tenant_node/config.h"
#include "granary/services/tenant_node/node_state.h"
#include "granary/tenant/caller.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

/// Through which a token comes.
enum class NodeDoor : std::uint8_t { kRest, kGrpc };

class GatewayGuard {
 public:
  GatewayGuard(const Config& config, Logger& log, const io::Clock& clock, io::FileSystem& files);
  ~GatewayGuard();

  static constexpr std::int64_t kAwaitKeysMs = 2'500;

  /// To which tenant this was sent, and what whoever did may do there; without a token TENANT_ID.
  /// kUnauthenticated; kUnavailable while no key could be read yet,
  /// kDeadlineExceeded when the request's own time was over before they were. `cancel` is the
  /// request's.
  /// A token that a gateway gave its client to show at the gRPC door itself is good there alone.
  Result<Visitor> Check(std::optional<std::string_view> token, bool peer_is_loopback,
                        const runtime::CancelToken& cancel, NodeDoor door = NodeDoor::kRest);

 private:
  struct Known {
    Visitor visitor;
    std::int64_t expires_s = 0;
    bool is_for_grpc = false;  ///< And for nothing else.
  };
  static Result<Visitor> Let(const Known& known, NodeDoor door);
  /// `of` is which reading's keys it was checked with.
  Result<Known> CheckSignature(std::string_view token, std::uint64_t& of) const;
  /// True when there are keys of a later reading than `of`: that of somebody else who reads them
  /// now, or one's own.
  bool AwaitLater(std::uint64_t of, const runtime::CancelToken& cancel);
  /// True when it read some; false at once while somebody does or just did.
  bool ReadKeys();
  Result<std::string> Fetch(const std::string& place) const;

  const Config& config_;
  Logger& log_;
  const io::Clock& clock_;
  io::FileSystem& files_;
  mutable std::mutex mutex_;
  std::shared_ptr<const security::KeySet>
      keys_;  // Of all places. Guarded by mutex_, as what follows.
  std::map<std::string, security::KeySet> read_;  // By place: what was read there last.
  security::BoundedTable<Known> known_;           // Tokens that were found good.
  bool reading_ = false;
  std::uint64_t readings_ = 0;  // That brought keys.
  std::condition_variable reading_ended_;
  std::optional<std::int64_t> read_ns_;
  std::unique_ptr<runtime::PeriodicJob> refresh_;
};

/// `list` without what `rights` do not show.
SourceList SeenOf(SourceList list, const Rights& rights);
/// kPermissionDenied unless they may do something with the source, whether it is there or not.
Status NeedSight(const Rights& rights, const SourceId& source);

/// Of a request, or a call, whose Access was made of GatewayGuard's answer.
const Visitor& VisitorOf(const hosting::RouteCall& call);
const Rights& RightsOf(const hosting::RouteCall& call);
const Rights& RightsOf(const hosting::GrpcMethodCall& call);

}  // namespace granary::services
