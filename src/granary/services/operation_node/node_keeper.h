// NodeKeeper: keeps the processes of launched nodes as the fleet says: one for each active tenant
// that was placed so by this Operation Node, none for others.
//
//   active                      its node runs; one that ends by itself is started again, later each
//                               time (restart_policy.h)
//   quota or turn changed       its node ends and starts anew
//   suspended                   its node ends; the data stays
//   its rows cannot be read     what runs goes on, and what does not is not started
//   deleting                    its node ends, then its data is put aside unless it is to be kept,
//                               then the gateway and the catalog forget it, then its rows go
//                               (tenant_folders.h, farewells.h). A crash in between is made good
//                               by the next look. Of a tenant whose node runs on its own only the
//                               last two, by whichever Operation Node comes first. A node with
//                               many tenants puts the data aside itself, and says so in a heartbeat.
//
// Away       while the metadata store does not answer, what runs goes on as it was seen last.
// Threads    fully safe; looks from a thread of its own, which is the nodes' parent. What was put
//            aside is removed by another one, since a large folder takes its time.
// Owns       the launcher. All else outlives it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/log.h"
#include "granary/hosting/tenant_folders.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/runtime/periodic.h"
#include "granary/services/operation_node/fleet.h"
#include "granary/services/operation_node/launcher.h"
#include "granary/services/operation_node/restart_policy.h"

namespace granary::operation {

struct KeeperOptions {
  std::string operation_node;  ///< Whose nodes it keeps: Placement::launched_by.
  std::string folder;          ///< Of nodes with one tenant, absolute: <folder>/<tenant>.
  std::string shared_folder;   ///< … and with many: <shared_folder>/<node>.
  std::uint64_t capacity = 1;  ///< LAUNCH_CAPACITY
  /// Of a node's settings those that are the same for all.
  std::vector<std::pair<std::string, std::string>> settings;
  /// A node's key; it proves with it who it is.
  std::function<std::string(const std::string& node)> key_of;
  RestartLimits restarts;
  /// Told of each process that ended: what it said is not true of the next one.
  std::function<void(const std::string& node)> ended = [](const std::string&) {};
  /// While it says no, what runs goes on, and nothing is started, asked to end or deleted.
  std::function<bool()> may_act = [] { return true; };
  /// Whether a node with many tenants has said that it let go of this one.
  std::function<bool(const std::string& node, const GoneTenant& tenant)> is_gone =
      [](const std::string&, const GoneTenant&) { return false; };
  /// Of a tenant that is being deleted: OK when nobody else keeps anything of it (Farewells::Tell).
  std::function<Status(const std::string& tenant, bool has_node_ended)> farewell =
      [](const std::string&, bool) { return Status::Ok(); };
};

/// What is known here of a node's process.
struct KeptProcess {
  bool runs = false;
  /// The last start, by both clocks; what was heard of before it is another process'.
  std::int64_t started_us = 0, started_ns = 0;
  std::uint64_t starts = 0;
  std::uint32_t failures = 0;  ///< Ends in a row that nobody asked for.
  std::string last_exit;       ///< Empty: it never ended.
  std::int64_t wait_ms = 0;    ///< Until it is started again.
};

/// The settings of a tenant's node. Pure.
NodeSpec SpecOf(const std::string& tenant_id, const Tenant& tenant, const Placement& placement,
                const Quota& quota, const KeeperOptions& options);

/// The settings of a node with many tenants, who are told of in the answers to its heartbeats. Pure.
NodeSpec SharedSpecOf(const std::string& node_id, const Node& node, const KeeperOptions& options);

class NodeKeeper {
 public:
  static constexpr std::chrono::milliseconds kLookEvery{200};
  static constexpr std::chrono::milliseconds kSweepEvery{60'000};  ///< And when something was.

  NodeKeeper(KeeperOptions options, std::unique_ptr<Launcher> launcher, Fleet& fleet,
             io::FileSystem& files, const io::Clock& clock, Logger& log);
  ~NodeKeeper();

  void Start();
  /// Ends all nodes, in order, and returns when they have ended.
  void Stop();
  /// Something changed: look at once.
  void Poke();
  /// One look, and one removal of what was put aside. For tests; Start's threads do it otherwise.
  void Look();
  void Sweep();

  std::optional<KeptProcess> Find(const std::string& node) const;
  /// What the deletion of a tenant waits for; empty: nothing that is known.
  std::string WhyNotDeleted(const std::string& tenant) const;

 private:
  struct Record {
    NodeSpec spec;
    RestartState restarts;
    std::int64_t start_at_ns = 0, started_us = 0, started_ns = 0;
    std::uint64_t starts = 0;
    std::string last_exit;
  };

  void Turn();
  bool IsEnding() const;
  void Hide(const std::vector<NodeExit>& exits);
  void TakeNote(const NodeExit& exit);
  void TellOthers(const std::string& node);
  void StopUnwanted(const std::map<std::string, NodeSpec>& wanted, const FleetView& view);
  void StartWanted(const std::map<std::string, NodeSpec>& wanted);
  void Begin(const NodeSpec& spec, Record& record);
  void FinishDeletions(const FleetView& view);
  Status DeleteLaunched(const std::string& tenant, const std::string& node, bool keeps_data);
  Status DeleteElsewhere(const std::string& tenant, bool keeps);
  Status DeleteShared(const std::string& tenant, const Tenant& row, const Placement& placement);
  Status Delete(const FleetView& view, const std::string& tenant, const Tenant& row,
                const Placement* placement);
  bool IsUnknown(const NodeSpec& spec, const FleetView& view) const;
  Status Farewell(const std::string& tenant, bool keeps, bool has_node_ended);
  Status Finish(const std::string& tenant, const std::string& node);
  void Publish();

  const KeeperOptions options_;
  Fleet& fleet_;
  io::FileSystem& files_;
  const io::Clock& clock_;
  Logger& log_;
  std::unique_ptr<Launcher> launcher_;     // The looking thread's, as is the next.
  std::map<std::string, Record> records_;  // By node.
  hosting::TenantFolders folders_;
  std::string last_sweep_;  // Of the sweeping thread.
  mutable std::mutex mutex_;
  std::map<std::string, KeptProcess> shown_;        // Guarded by mutex_, as are the next.
  std::map<std::string, std::string> not_deleted_;  // By tenant: why.
  bool is_ending_ = false, has_ended_ = false;
  std::condition_variable ended_;
  std::unique_ptr<runtime::PeriodicJob> sweeper_, job_;  // Use all of the above.
};

}  // namespace granary::operation
