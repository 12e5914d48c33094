#include "granary/services/operation_node/steward.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/services/operation_node/identity_claim.h"
#include "granary/services/operation_node/tenant_changes.h"

namespace granary::operation {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kMicrosPerSecond = 1'000'000;
// Others must know of a heartbeat long before they would take its node for silent.
constexpr std::int64_t kWritesPerSilence = 3;

}  // namespace

FleetLoad FleetLoadOf(const Desk& desk, const FleetView& view) {
  FleetLoad load;
  const auto counts = view.PlacedCounts();
  for (const auto& [id, row] : view.nodes()) {
    const auto count = counts.find(id);
    const NodeNow node = LookAtNode(desk, id, row.value, count == counts.end() ? 0 : count->second);
    if (node.health.state != NodeState::kAlive || node.node.draining) continue;
    if (!row.value.launched_by.empty()) continue;  // A process of a tenant, and no machine.
    load.nodes.push_back({.id = id,
                          .tenants = node.placed,
                          .capacity = node.node.capacity,
                          .cpu_percent = node.node.load.cpu_percent,
                          .memory_percent = node.node.load.memory_percent,
                          .queue_delay_ms = node.node.load.queue_delay_ms});
  }
  for (const auto& [id, tenant] : view.tenants())
    load.waiting_tenants += IsWaiting(view, id, tenant.value) ? 1 : 0;
  return load;
}

std::optional<FleetChange> LastChangeOf(const FleetView& view, std::int64_t now_us) {
  std::optional<FleetChange> last;
  for (const MadeDecision& made : view.Decisions()) {
    if (made.decision.step == FleetStep::kHold) continue;
    const std::int64_t ago_us = std::max<std::int64_t>(0, now_us - made.at_us);
    last = FleetChange{ago_us / kMicrosPerSecond, made.decision.nodes_wanted};
  }
  return last;
}

Fleet::Changes RecordDecision(const FleetView& now, const FleetLoad& load,
                              const FleetDecision& decision, std::int64_t now_us) {
  const std::vector<MadeDecision> made = now.Decisions();
  const MadeDecision* last = made.empty() ? nullptr : &made.back();
  if (last != nullptr && last->decision.step == decision.step &&
      last->decision.nodes_wanted == decision.nodes_wanted)
    return {};
  const std::uint64_t number = last == nullptr ? 1 : last->number + 1;
  const std::string key = fmt::format("d{:03}", number % kDecisionsKept);
  const auto before = now.decision_rows().find(key);
  // What a thousand nodes report is too much to be kept two hundred times.
  constexpr std::size_t kNodesKept = 50;
  FleetLoad kept = load;
  if (kept.nodes.size() > kNodesKept) kept.nodes.resize(kNodesKept);
  return {{std::string(kDecisionKind), key,
           before == now.decision_rows().end() ? 0 : before->second.version,
           MadeDecisionBody({number, now_us, decision, std::move(kept)})}};
}

Steward::~Steward() { Stop(); }

void Steward::Start() {
  job_ = std::make_unique<runtime::PeriodicJob>("steward", kWorkEvery, [this] { Work(); });
  job_->Poke();
}

void Steward::Stop() {
  if (job_) job_->Stop();
  job_.reset();
}

void Steward::Work() {
  const Result<Fleet::Seen> seen = desk_.fleet.Look();
  if (!seen.ok()) return;
  if (desk_.claim != nullptr) {
    if (seen->stale_ms == 0) desk_.claim->Work(*seen->view);
    if (!desk_.claim->status().ok()) return;
  }
  TellOfNodes(*seen->view);
  if (seen->stale_ms == 0) {
    WriteDownHeard(*seen->view);
    PlaceWaiting();
  }
  DecideScale(*desk_.fleet.Last());
}

std::vector<metadata::Change> HeardChanges(const NodeBook& book, const FleetView& view) {
  std::vector<std::pair<std::int64_t, metadata::Change>> found;
  for (const std::string& id : book.Nodes()) {
    const auto* row = view.FindNode(id);
    if (row == nullptr) continue;
    Node node = book.Freshest(id, row->value);
    if (node == row->value) continue;
    std::string body = NodeBody(node);
    if (body.size() > metadata::kBodyBytesMax) {
      // Of a node with that many tenants it matters more that it lives than how busy it is.
      node.load = row->value.load;
      body = NodeBody(node);
    }
    if (body.size() > metadata::kBodyBytesMax) continue;
    found.push_back(
        {row->value.seen_us, {std::string(kNodeKind), id, row->version, std::move(body)}});
  }
  std::ranges::stable_sort(found, {}, [](const auto& one) { return one.first; });
  std::vector<metadata::Change> out;
  for (auto& [seen_us, change] : found) out.push_back(std::move(change));
  return out;
}

void Steward::WriteDownHeard(const FleetView& view) {
  const std::int64_t now_ns = desk_.clock.MonotonicNanos();
  const std::int64_t every_ns = desk_.book.limits().suspect_ms * 1'000'000 / kWritesPerSilence;
  if (written_ns_ != 0 && now_ns - written_ns_ < every_ns) return;
  written_ns_ = now_ns;
  const std::vector<metadata::Change> changes = HeardChanges(desk_.book, view);
  for (std::size_t at = 0; at < changes.size(); at += metadata::kChangesMax) {
    const std::size_t end = std::min(changes.size(), at + metadata::kChangesMax);
    const Status noted = desk_.fleet.Note({changes.begin() + static_cast<std::ptrdiff_t>(at),
                                           changes.begin() + static_cast<std::ptrdiff_t>(end)});
    // Rows that somebody changed meanwhile are written down next time.
    if (noted.code() == Code::kConflict) written_ns_ = 0;
  }
  ForgetRemoved();
}

// The book first: whoever is in it then was in the fleet before.
void Steward::ForgetRemoved() {
  const std::vector<std::string> heard = desk_.book.Nodes();
  const FleetViewPtr now = desk_.fleet.Last();
  for (const std::string& node : heard)
    if (now->FindNode(node) == nullptr) desk_.book.Forget(node);
}

void Steward::TellOfNodes(const FleetView& view) {
  FleetCounts counts;
  counts.tenants = view.tenants().size();
  counts.damaged_rows = view.damaged().size();
  for (const auto& [id, tenant] : view.tenants())
    counts.waiting_tenants += IsWaiting(view, id, tenant.value) ? 1 : 0;
  for (const auto& [id, row] : view.nodes()) {
    const NodeNow node = LookAtNode(desk_, id, row.value, 0);
    ++counts.nodes[node.health.state];
    const auto told = told_.find(id);
    if (told != told_.end() && told->second != node.health.state) {
      const bool is_bad = node.health.state == NodeState::kDead;
      desk_.log.Write(is_bad ? LogLevel::kWarn : LogLevel::kInfo, "a node's state changed",
                      {{"node", id},
                       {"from", NodeStateName(told->second)},
                       {"to", NodeStateName(node.health.state)},
                       {"reason", node.health.reason}});
    }
    told_[id] = node.health.state;
  }
  std::erase_if(told_, [&](const auto& one) { return view.FindNode(one.first) == nullptr; });
  const std::lock_guard lock(mutex_);
  counts_ = std::move(counts);
}

void Steward::PlaceWaiting() {
  {
    const std::lock_guard lock(mutex_);
    if (counts_.waiting_tenants == 0) return;
  }
  const auto placed =
      desk_.fleet.Change([this](const FleetView& now) { return DecideWaiting(desk_, now); });
  if (!placed.ok())
    desk_.log.Warn("tenants that wait cannot be placed", {{"error", placed.status().ToString()}});
}

void Steward::DecideScale(const FleetView& view) {
  const std::int64_t now_ns = desk_.clock.MonotonicNanos();
  if (decided_ns_ != 0 &&
      now_ns - decided_ns_ < desk_.config.scaling_interval_seconds * kNanosPerSecond)
    return;
  decided_ns_ = now_ns;
  const auto policy_of = [](const FleetView& now) {
    return now.policy() ? now.policy()->value : FleetPolicy();
  };
  const std::int64_t now_us = desk_.clock.WallMicros();
  MadeDecision made{.number = 0, .at_us = now_us, .load = FleetLoadOf(desk_, view)};
  made.decision = DecideFleet(made.load, policy_of(view), LastChangeOf(view, now_us));
  {
    const std::lock_guard lock(mutex_);
    last_decision_ = made;
  }
  if (RecordDecision(view, made.load, made.decision, now_us).empty()) return;
  // Decided once more over what the store holds: another Operation Node may have been first.
  const auto recorded = desk_.fleet.Change([&](const FleetView& now) -> Result<Fleet::Changes> {
    const FleetLoad load = FleetLoadOf(desk_, now);
    return RecordDecision(now, load, DecideFleet(load, policy_of(now), LastChangeOf(now, now_us)),
                          now_us);
  });
  if (!recorded.ok()) {
    decided_ns_ = 0;
    return;
  }
  desk_.log.Info("scaling decided", {{"step", FleetStepName(made.decision.step)},
                                     {"nodes_wanted", made.decision.nodes_wanted},
                                     {"reason", made.decision.reason}});
}

std::optional<MadeDecision> Steward::last_decision() const {
  const std::lock_guard lock(mutex_);
  return last_decision_;
}

FleetCounts Steward::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace granary::operation
