// NodeWatch: looks at the Tenant Nodes of the fleet, which the Operation Node knows, as Monitor
// looks at the services.
//
// Round      learn which nodes there are -> look at them, at_once at a time, those first whom nobody
//            has looked at for longest -> keep series -> judge rules -> tell. A round that takes as
//            long as interval_ms leaves the rest to the next one.
// Alone      a thread of its own: nodes that hang, or an Operation Node that does, delay no look at
//            the services.
// Away       while the Operation Node does not say which nodes there are, those of before are looked
//            at, and why is shown.
// Bounds     nodes_max nodes, series_max series of each (series_budget.h).
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/runtime/periodic.h"
#include "granary/services/monitoring/alert_rules.h"
#include "granary/services/monitoring/fleet_nodes.h"
#include "granary/services/monitoring/scrape.h"
#include "granary/services/monitoring/series_budget.h"
#include "granary/services/monitoring/series_store.h"

namespace granary::services {

struct NodeWatchOptions {
  /// Which nodes there are, at most so many.
  std::function<Result<FleetNodes>(std::size_t nodes_max)> learn;
  std::string operation_url;
  /// What is looked at anyway: a node at such a URL is not looked at twice.
  std::vector<Target> services;
  std::int64_t interval_ms = 15'000;
  std::int64_t timeout_ms = 2'000;
  std::size_t nodes_max = 200;
  std::size_t at_once = 16;
  std::size_t series_max = 5'000;
  std::vector<AlertRule> rules;
  std::function<void(const AlertChange& change)> tell;
};

/// A node and what the last look at it found.
struct NodeSeen {
  FleetNode node;
  /// OK: it is looked at. Else why not: it is one of the services, or its address leads elsewhere.
  std::string not_looked_at;
  std::string as_service;  ///< Not empty: it is looked at as the service of that name.
  Scrape scrape;           ///< at_us 0: nobody has looked yet.
  std::size_t series_left_out = 0;
};

/// What the last round found; immutable.
struct NodesSeen {
  std::vector<NodeSeen> nodes;  ///< By id.
  std::size_t idle = 0;
  std::size_t bad = 0;
  bool has_more = false;
  Status learned;               ///< Why the nodes are those of an earlier round.
  std::int64_t learned_us = 0;  ///< When the Operation Node said which there are; 0: never yet.
  std::uint64_t rounds = 0;
  Status series;  ///< Why nothing is added to the series.

  /// The node on which an active tenant is placed; null when there is none.
  const NodeSeen* NodeOf(std::string_view tenant) const;
};
using NodesSeenPtr = std::shared_ptr<const NodesSeen>;

class NodeWatch {
 public:
  /// All outlive it.
  NodeWatch(NodeWatchOptions options, SeriesStore& series, const io::Clock& clock, Logger& log);
  ~NodeWatch();

  /// The first round begins at once.
  void Start();
  /// A look that has begun is waited for.
  void Stop();
  /// One round, for whoever wants to know now.
  void Look();

  NodesSeenPtr Seen() const;
  std::vector<Alert> Alerts() const;

 private:
  void Learn(NodesSeen& now);
  void Place(FleetNode node, NodesSeen& now) const;
  void ScrapeAll(NodesSeen& now);
  void Keep(NodesSeen& now);

  const NodeWatchOptions options_;
  SeriesStore& series_;
  const io::Clock& clock_;
  Logger& log_;
  std::atomic<bool> stopping_ = false;
  std::mutex round_mutex_;  // One round at a time; taken before mutex_.
  SeriesBudget budget_;     // Guarded by round_mutex_.
  mutable std::mutex mutex_;
  AlertBook book_;
  NodesSeenPtr seen_;
  std::unique_ptr<runtime::PeriodicJob> job_;  // Uses all of the above.
};

}  // namespace granary::services
