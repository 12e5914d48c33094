#include "granary/services/monitoring/monitor.h"

#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "granary/api/json_object.h"

namespace granary::services {
namespace {

constexpr std::chrono::seconds kRetryWait{5};

// All at once: a service that hangs must not make the others look late.
std::vector<Scrape> ScrapeAll(const std::vector<Target>& targets, std::int64_t timeout_ms,
                              const io::Clock& clock) {
  std::vector<Scrape> out(targets.size());
  std::vector<std::thread> threads;
  threads.reserve(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i)
    threads.emplace_back([&, i] { out[i] = ScrapeTarget(targets[i], timeout_ms, clock); });
  for (std::thread& thread : threads) thread.join();
  return out;
}

LogLevel LevelOf(const AlertChange& change) {
  if (change.resolved || change.alert.severity == "info") return LogLevel::kInfo;
  return change.alert.severity == "critical" ? LogLevel::kError : LogLevel::kWarn;
}

}  // namespace

std::string AlertJson(const Alert& alert, std::string_view state, bool silenced) {
  std::string out;
  api::JsonObject object(out);
  object.Add("rule", std::string_view(alert.rule));
  object.Add("service", std::string_view(alert.service));
  if (alert.node.empty())
    object.AddNull("node");
  else
    object.Add("node", std::string_view(alert.node));
  object.Add("labels", std::string_view(alert.labels));
  object.Add("state", state);
  object.Add("severity", std::string_view(alert.severity));
  object.Add("summary", std::string_view(alert.summary));
  if (std::isfinite(alert.value))
    AppendFormat(object.Key("value"), "{}", alert.value);
  else
    object.AddNull("value");
  object.AddInstant("since", alert.since_us);
  object.Add("silenced", silenced);
  object.Close();
  return out;
}

Monitor::Monitor(MonitorOptions options, SeriesStore& series, SilenceBook& silences,
                 const io::Clock& clock, Logger& log)
    : options_(std::move(options)),
      series_(series),
      silences_(silences),
      clock_(clock),
      log_(log),
      emf_(options_.emf_namespace),
      book_(options_.rules) {
  if (!options_.webhook_url.empty()) {
    webhook_ =
        std::make_unique<Webhook>(options_.webhook_url, options_.timeout_ms, kRetryWait, log);
  }
  if (options_.fleet) {
    NodeWatchOptions fleet = *options_.fleet;
    fleet.services = options_.targets;
    fleet.interval_ms = options_.interval_ms;
    fleet.timeout_ms = options_.timeout_ms;
    fleet.rules = options_.rules;
    fleet.tell = [this](const AlertChange& change) { Tell(change); };
    nodes_ = std::make_unique<NodeWatch>(std::move(fleet), series, clock, log);
  }
}

Monitor::~Monitor() { Stop(); }

void Monitor::Start() {
  job_ = std::make_unique<runtime::PeriodicJob>(
      "monitor", std::chrono::milliseconds(options_.interval_ms), [this] { Look(); });
  job_->Poke();
  if (nodes_) nodes_->Start();
}

void Monitor::Stop() {
  if (nodes_) nodes_->Stop();
  if (job_) job_->Stop();
}

void Monitor::Look() {
  const std::lock_guard round(round_mutex_);
  std::vector<Scrape> scrapes = ScrapeAll(options_.targets, options_.timeout_ms, clock_);
  const Status appended = series_.Append(scrapes);
  if (options_.emit)
    for (const std::string& line : emf_.Lines(scrapes)) options_.emit(line);
  std::vector<AlertChange> changes;
  {
    const std::lock_guard lock(mutex_);
    if (!appended.ok() && series_status_.ok())
      log_.Error("what is measured cannot be kept", {{"error", appended.ToString()}});
    series_status_ = appended;
    changes = book_.Look(scrapes, clock_.WallMicros());
    scrapes_ = std::move(scrapes);
    ++rounds_;
  }
  for (const AlertChange& change : changes) Tell(change);
}

void Monitor::Tell(const AlertChange& change) {
  const bool silenced = silences_.Covers(change.alert);
  const std::string_view state = change.resolved ? "resolved" : "firing";
  log_.Write(silenced ? LogLevel::kInfo : LevelOf(change), "alert",
             {{"rule", change.alert.rule},
              {"state", state},
              {"of", change.alert.service},
              {"node", change.alert.node},
              {"labels", change.alert.labels},
              {"value", change.alert.value},
              {"summary", change.alert.summary},
              {"silenced", silenced}});
  if (webhook_ && !silenced) webhook_->Tell(AlertJson(change.alert, state, silenced));
}

std::vector<Scrape> Monitor::Scrapes() const {
  const std::lock_guard lock(mutex_);
  return scrapes_;
}

std::vector<Alert> Monitor::Alerts() const {
  std::vector<Alert> out = nodes_ ? nodes_->Alerts() : std::vector<Alert>();
  const std::lock_guard lock(mutex_);
  out.insert(out.begin(), book_.active().begin(), book_.active().end());
  return out;
}

NodesSeenPtr Monitor::Nodes() const { return nodes_ ? nodes_->Seen() : nullptr; }

std::uint64_t Monitor::rounds() const {
  const std::lock_guard lock(mutex_);
  return rounds_;
}

Status Monitor::series_status() const {
  const std::lock_guard lock(mutex_);
  return series_status_;
}

}  // namespace granary::services
