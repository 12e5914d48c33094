// Monitor: looks at all services every so often, keeps what it saw, and raises alerts; of the nodes
// of a fleet it has a NodeWatch do so.
//
// Round      scrape all targets at once -> append to the series -> look at the rules -> tell.
// Degrades   a series store that fails costs the past, not the present: health and alerts go on,
//            and the failure is shown.
// Threads    fully safe; rounds run on a thread of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/log.h"
#include "granary/io/clock.h"
#include "granary/runtime/periodic.h"
#include "granary/services/monitoring/alert_rules.h"
#include "granary/services/monitoring/emf.h"
#include "granary/services/monitoring/node_watch.h"
#include "granary/services/monitoring/scrape.h"
#include "granary/services/monitoring/series_store.h"
#include "granary/services/monitoring/silences.h"
#include "granary/services/monitoring/webhook.h"

namespace granary::services {

struct MonitorOptions {
  std::vector<Target> targets;
  std::int64_t interval_ms = 15'000;
  std::int64_t timeout_ms = 2'000;
  std::vector<AlertRule> rules;
  std::string webhook_url;  ///< Empty: none.
  /// Gets the lines of each look for CloudWatch, when it is set (emf.h).
  std::function<void(const std::string& line)> emit = {};
  std::string emf_namespace = "Granary";
  /// The nodes of the fleet, which are looked at, too, when it is set; its rules, times and whom it
  /// tells are this one's.
  std::optional<NodeWatchOptions> fleet = {};
};

class Monitor {
 public:
  /// All outlive it.
  Monitor(MonitorOptions options, SeriesStore& series, SilenceBook& silences,
          const io::Clock& clock, Logger& log);
  ~Monitor();

  /// The first round begins at once.
  void Start();
  void Stop();

  /// One round, for whoever wants to know now.
  void Look();

  /// By target, in their order; empty before the first round has ended.
  std::vector<Scrape> Scrapes() const;
  /// Of services and of nodes.
  std::vector<Alert> Alerts() const;
  /// Null where no nodes of a fleet are looked at.
  NodesSeenPtr Nodes() const;
  const std::vector<AlertRule>& rules() const { return options_.rules; }
  const std::vector<Target>& targets() const { return options_.targets; }
  std::uint64_t rounds() const;
  /// Why nothing is added to the series; OK when it is.
  Status series_status() const;

 private:
  void Tell(const AlertChange& change);

  const MonitorOptions options_;
  SeriesStore& series_;
  SilenceBook& silences_;
  const io::Clock& clock_;
  Logger& log_;
  std::unique_ptr<Webhook> webhook_;
  std::mutex round_mutex_;  // One round at a time; taken before mutex_.
  EmfWriter emf_;           // Guarded by round_mutex_.
  mutable std::mutex mutex_;
  AlertBook book_;
  std::vector<Scrape> scrapes_;
  std::uint64_t rounds_ = 0;
  Status series_status_;
  std::unique_ptr<NodeWatch> nodes_;  // Uses all of the above, and so does the next.
  std::unique_ptr<runtime::PeriodicJob> job_;
};

/// {"rule":…,"service":…,"node":…,"labels":…,"value":…,"since":…,"state":"pending"|"firing"|"resolved",…}
std::string AlertJson(const Alert& alert, std::string_view state, bool silenced);

}  // namespace granary::services
