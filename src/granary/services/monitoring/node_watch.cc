#include "granary/services/monitoring/node_watch.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>
#include <utility>

#include "granary/hosting/service_name.h"

namespace granary::services {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;

// Those that are looked at, taken out of `seen`, and given back.
std::vector<Scrape> TakeScrapes(NodesSeen& seen) {
  std::vector<Scrape> out;
  for (NodeSeen& node : seen.nodes)
    if (node.not_looked_at.empty()) out.push_back(std::move(node.scrape));
  return out;
}
void GiveScrapes(std::vector<Scrape> scrapes, NodesSeen& seen) {
  auto next = scrapes.begin();
  for (NodeSeen& node : seen.nodes)
    if (node.not_looked_at.empty()) node.scrape = std::move(*next++);
}

std::string_view WithoutSlash(std::string_view url) {
  if (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

const NodeSeen* FindNode(const NodesSeen& seen, std::string_view id) {
  const auto found = std::ranges::lower_bound(
      seen.nodes, id, {}, [](const NodeSeen& one) -> std::string_view { return one.node.id; });
  return found == seen.nodes.end() || found->node.id != id ? nullptr : &*found;
}

}  // namespace

const NodeSeen* NodesSeen::NodeOf(std::string_view tenant) const {
  const auto found = std::ranges::find_if(nodes, [&](const NodeSeen& one) {
    return std::ranges::binary_search(one.node.tenants, tenant);
  });
  return found == nodes.end() ? nullptr : &*found;
}

NodeWatch::NodeWatch(NodeWatchOptions options, SeriesStore& series, const io::Clock& clock,
                     Logger& log)
    : options_(std::move(options)),
      series_(series),
      clock_(clock),
      log_(log),
      budget_(options_.series_max),
      book_(options_.rules),
      seen_(std::make_shared<const NodesSeen>()) {}

NodeWatch::~NodeWatch() { Stop(); }

void NodeWatch::Start() {
  job_ = std::make_unique<runtime::PeriodicJob>(
      "node-watch", std::chrono::milliseconds(options_.interval_ms), [this] { Look(); });
  job_->Poke();
}

void NodeWatch::Stop() {
  stopping_ = true;
  if (job_) job_->Stop();
}

// Where it is looked at, or why not.
void NodeWatch::Place(FleetNode node, NodesSeen& now) const {
  NodeSeen out;
  out.node = std::move(node);
  const auto same = std::ranges::find_if(options_.services, [&](const Target& service) {
    return !out.node.url.empty() && WithoutSlash(service.url) == WithoutSlash(out.node.url);
  });
  if (same != options_.services.end()) {
    out.as_service = same->service;
    out.not_looked_at = "it is one of MONITORING_TARGETS";
  } else if (!IsReachable(out.node.url, options_.operation_url)) {
    out.not_looked_at = "its address is one of its own machine alone";
  }
  // Another address: what was seen at the one before says nothing of it.
  const NodeSeen* before = FindNode(*seen_, out.node.id);
  if (before != nullptr && before->node.url == out.node.url) {
    out.scrape = before->scrape;
    out.series_left_out = before->series_left_out;
  }
  out.scrape.target = {std::string(hosting::kTenantNode), out.node.url, out.node.id};
  out.scrape.is_new = false;
  now.nodes.push_back(std::move(out));
}

void NodeWatch::Learn(NodesSeen& now) {
  Result<FleetNodes> found = options_.learn(options_.nodes_max);
  now.learned = found.status();
  if (found.ok()) {
    now.idle = found->idle;
    now.bad = found->bad;
    now.has_more = found->has_more;
    now.learned_us = clock_.WallMicros();
    std::ranges::sort(found->nodes, {}, &FleetNode::id);
    for (FleetNode& node : found->nodes)
      if (now.nodes.empty() || now.nodes.back().node.id != node.id) Place(std::move(node), now);
    return;
  }
  now.idle = seen_->idle;
  now.bad = seen_->bad;
  now.has_more = seen_->has_more;
  now.learned_us = seen_->learned_us;
  for (const NodeSeen& before : seen_->nodes) Place(before.node, now);
}

void NodeWatch::ScrapeAll(NodesSeen& now) {
  std::vector<NodeSeen*> order;
  for (NodeSeen& node : now.nodes)
    if (node.not_looked_at.empty()) order.push_back(&node);
  std::ranges::stable_sort(order, {}, [](const NodeSeen* node) { return node->scrape.at_us; });
  const std::int64_t end_ns = clock_.MonotonicNanos() + options_.interval_ms * kNanosPerMilli;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < order.size(); i = next++) {
      if (stopping_ || clock_.MonotonicNanos() >= end_ns) return;
      Scrape& scrape = order[i]->scrape;
      if (scrape.target.url.empty()) {
        scrape = {.target = scrape.target, .at_us = clock_.WallMicros()};
        scrape.error = "it has not said yet where it is";
      } else {
        scrape = ScrapeTarget(scrape.target, options_.timeout_ms, clock_);
      }
    }
  };
  std::vector<std::thread> threads;
  const std::size_t count = std::min(options_.at_once, order.size());
  threads.reserve(count);
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

void NodeWatch::Keep(NodesSeen& now) {
  for (NodeSeen& node : now.nodes)
    if (node.scrape.is_new && node.scrape.measured)
      node.series_left_out = budget_.Trim(node.scrape);
  std::vector<Scrape> scrapes = TakeScrapes(now);
  budget_.Keep(scrapes);
  now.series = series_.Append(scrapes);
  if (!now.series.ok() && seen_->series.ok())
    log_.Error("what nodes measure cannot be kept", {{"error", now.series.ToString()}});
  std::vector<AlertChange> changes;
  {
    const std::lock_guard lock(mutex_);
    changes = book_.Look(scrapes, clock_.WallMicros());
    GiveScrapes(std::move(scrapes), now);
    seen_ = std::make_shared<const NodesSeen>(std::move(now));
  }
  for (const AlertChange& change : changes) options_.tell(change);
}

void NodeWatch::Look() {
  const std::lock_guard round(round_mutex_);
  NodesSeen now;
  now.rounds = seen_->rounds + 1;
  Learn(now);
  if (!now.learned.ok() && seen_->learned.ok()) {
    log_.Warn(
        "which nodes there are is not learned from the Operation Node; those of before are "
        "looked at",
        {{"error", now.learned.message()}, {"nodes", now.nodes.size()}});
  }
  ScrapeAll(now);
  if (stopping_) return;  // What was not looked at would be judged by nothing.
  Keep(now);
}

NodesSeenPtr NodeWatch::Seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::vector<Alert> NodeWatch::Alerts() const {
  const std::lock_guard lock(mutex_);
  return book_.active();
}

}  // namespace granary::services
