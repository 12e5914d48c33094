// FleetPlacement: the Operation Node knows where a tenant's node is; its answers are kept.
//
// Order      what TENANT_NODE_URLS says -> the Operation Node -> TENANT_NODE_URL, for TENANT_ID,
//            where the Operation Node does not know that tenant or was never reached.
// Waits      only the first request of a tenant, and one after its node has denied it, waits for the Operation Node, no longer than
//            kFirstWaitMs and its own deadline. Later ones are answered from what is kept, and what
//            is older than PLACEMENT_CACHE_SECONDS is asked for again meanwhile. Who waits is asked
//            for before what is old.
// Away       an Operation Node that does not answer changes nothing: its last answers serve, also
//            after a restart, from a file. One that is hung is asked once in kRetryMs, and once
//            that is known nobody waits for it.
// Of no use  what answers something else (another service, an error) changes nothing either; the
//            tenant is asked for again as usual.
// Threads    fully safe; asks from a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
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
#include "granary/services/auth_gateway/fleet_answer.h"
#include "granary/services/auth_gateway/placement.h"

namespace granary::gateway {

struct FleetPlacementOptions {
  std::int64_t cache_ms = 2'000;
  net::UpstreamOptions upstream;
  std::string file;  ///< Where the last answers are kept; empty: nowhere.
};

class FleetPlacement final : public Placement {
 public:
  static constexpr std::int64_t kFirstWaitMs = 3'000;
  /// After a failure nobody, and after an answer of no use that tenant, is asked for so long.
  static constexpr std::int64_t kRetryMs = 1'000;
  /// An answer that is younger is believed though a node contradicts it: it has not heard of it yet.
  static constexpr std::int64_t kMistrustMs = 200;

  /// `listed` comes before the Operation Node, `fallback` after it. `log` outlives it.
  FleetPlacement(FleetPlacementOptions options, AskFleetFn ask, std::unique_ptr<Placement> listed,
                 std::unique_ptr<Placement> fallback, std::unique_ptr<io::Clock> clock,
                 std::unique_ptr<io::FileSystem> files, Logger& log);
  /// Waits for the one question that may be under way.
  ~FleetPlacement() override;

  /// kUnavailable; kPermissionDenied for a tenant that is suspended; kDeadlineExceeded.
  Result<PlacedNode> NodeOf(const std::string& tenant, const runtime::CancelToken& cancel) override;
  void Mistrust(const std::string& tenant) override;
  /// Asks the Operation Node itself, since what is kept may be older than the tenant. No such tenant
  /// is kept in mind, however many are asked for.
  Status CheckTenant(const std::string& tenant, const runtime::CancelToken& cancel) override;
  /// Asks for what is due, for whoever does not want to wait for the thread.
  void Refresh();

 private:
  struct Entry {
    FleetAnswer answer;
    PlacedNode node;  ///< Of kPlaced.
    std::int64_t asked_ns = 0;
  };
  void Ask(const std::string& tenant);
  std::optional<std::string> NextToAsk();
  void Load();
  void Save();
  // The rest under mutex_.
  Result<PlacedNode> Answered(const std::string& tenant, const Entry& entry) const;
  bool IsAwaited(const std::string& tenant) const;
  void AskSoon(const std::string& tenant, std::set<std::string>& among);
  void Take(const std::string& tenant, FleetAnswer answer);
  void NoteWhetherAway(const Status& asked);
  void NoteFailure(const std::string& tenant, const Status& failure);

  const FleetPlacementOptions options_;
  const AskFleetFn ask_;
  const std::unique_ptr<Placement> listed_, fallback_;
  const std::unique_ptr<io::Clock> clock_;
  const std::unique_ptr<io::FileSystem> files_;
  Logger& log_;
  std::timed_mutex
      ask_mutex_;      // One question at a time; taken before mutex_. Guards the next, too.
  std::string saved_;  // What the file holds.
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;           // Guarded by mutex_, as are the following.
  std::set<std::string> awaited_, due_;            // To be asked for: without an entry, with one.
  std::map<std::string, std::int64_t> failed_ns_;  // Of tenants that have no entry.
  std::int64_t next_ask_ns_ = 0;
  bool is_away_ = false, is_ending_ = false;
  std::string trouble_;  // What was of no use last; empty: the last answer was of use.
  std::condition_variable asked_;
  std::unique_ptr<runtime::PeriodicJob> job_;  // Uses all of the above.
};

}  // namespace granary::gateway
