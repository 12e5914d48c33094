// FleetPlacement: the Operation Node knows where a tenant's node is; its answers are kept.
//
// Order      what TENANT_NODE_URLS says -> the Operation Node -> TENANT_NODE_URL, for TENANT_ID,
//            where the Operation Node does not know that tenant or was never reached.
// Waits      only the first request of a tenant waits for the Operation Node. Later ones are
//            answered from what is kept, and what is older than PLACEMENT_CACHE_SECONDS is asked
//            for again meanwhile, on another thread.
// Away       an Operation Node that does not answer changes nothing: its last answers serve, also
//            after a restart, from a file.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/runtime/periodic.h"
#include "granary/services/auth_gateway/placement.h"

namespace granary::gateway {

/// What the Operation Node says of a tenant.
struct FleetAnswer {
  enum class Kind : std::uint8_t {
    kPlaced,     ///< At `url`.
    kNotReady,   ///< No node serves it yet.
    kSuspended,  ///< Nobody is to be served.
    kUnknown,    ///< There is no such tenant.
  };
  Kind kind = Kind::kUnknown;
  std::string url;
  bool operator==(const FleetAnswer&) const = default;
};

/// Blocks. kUnavailable when the Operation Node does not answer.
using AskFleetFn = std::function<Result<FleetAnswer>(const std::string& tenant)>;

/// Over HTTP: GET /tenants/{id}/placement. `key` empty: none is shown.
AskFleetFn AskOperationNode(const std::string& url, const std::string& key,
                            std::int64_t timeout_ms);
/// The body of such an answer. kUnavailable for what is none.
Result<FleetAnswer> ReadFleetAnswer(int http_status, std::string_view body);

struct FleetPlacementOptions {
  std::int64_t cache_ms = 2'000;
  net::UpstreamOptions upstream;
  std::string file;  ///< Where the last answers are kept; empty: nowhere.
};

class FleetPlacement final : public Placement {
 public:
  /// After a failure a tenant that nothing is known of is asked for again so much later.
  static constexpr std::int64_t kRetryMs = 1'000;

  /// `listed` comes before the Operation Node, `fallback` after it. `log` outlives it.
  FleetPlacement(FleetPlacementOptions options, AskFleetFn ask, std::unique_ptr<Placement> listed,
                 std::unique_ptr<Placement> fallback, std::unique_ptr<io::Clock> clock,
                 std::unique_ptr<io::FileSystem> files, Logger& log);
  ~FleetPlacement() override;

  /// kUnavailable; kPermissionDenied for a tenant that is suspended.
  Result<PlacedNode> NodeOf(const std::string& tenant) override;
  /// Asks for what is due, for whoever does not want to wait for the thread.
  void Refresh();

 private:
  struct Entry {
    FleetAnswer answer;
    PlacedNode node;  ///< Of kPlaced.
    std::int64_t asked_ns = 0;
  };
  Result<PlacedNode> Answered(const std::string& tenant, const Entry& entry) const;
  Status Ask(const std::string& tenant);
  void Take(const std::string& tenant, FleetAnswer answer);
  void Load();
  void Save();

  const FleetPlacementOptions options_;
  const AskFleetFn ask_;
  const std::unique_ptr<Placement> listed_, fallback_;
  const std::unique_ptr<io::Clock> clock_;
  const std::unique_ptr<io::FileSystem> files_;
  Logger& log_;
  std::mutex ask_mutex_;  // One question at a time; taken before mutex_. Guards the next, too.
  std::string saved_;     // What the file holds.
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // Guarded by mutex_, as are the following.
  std::set<std::string> due_;
  std::map<std::string, std::int64_t> failed_ns_;  // Of tenants that have no entry.
  bool is_away_ = false;
  std::unique_ptr<runtime::PeriodicJob> job_;  // Uses all of the above.
};

}  // namespace granary::gateway
