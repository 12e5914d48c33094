#include "granary/services/monitoring/alert_rules.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/hosting/service_name.h"

namespace granary::services {
namespace {

constexpr std::int64_t kForSecondsMax = 7 * 86'400;
constexpr std::size_t kRulesDepth = 8;
constexpr double kMicrosPerSecond = 1e6;

struct OpName {
  std::string_view name;
  AlertOp op;
};
constexpr OpName kOps[] = {{"gt", AlertOp::kGt},   {"gte", AlertOp::kGte}, {"lt", AlertOp::kLt},
                           {"lte", AlertOp::kLte}, {"eq", AlertOp::kEq},   {"ne", AlertOp::kNe}};
constexpr std::string_view kSeverities[] = {"info", "warning", "critical"};

bool Holds(AlertOp op, double a, double b) {
  switch (op) {
    case AlertOp::kGt: return a > b;
    case AlertOp::kGte: return a >= b;
    case AlertOp::kLt: return a < b;
    case AlertOp::kLte: return a <= b;
    case AlertOp::kEq: return a == b;
    case AlertOp::kNe: return a != b;
  }
  return false;
}

bool Matches(const AlertRule& rule, const MetricSample& sample) {
  if (sample.name != rule.metric) return false;
  return std::ranges::all_of(
      rule.labels, [&](const auto& wanted) { return sample.Label(wanted.first) == wanted.second; });
}

std::string LabelsText(const MetricSample& sample) {
  if (sample.labels.empty()) return {};
  std::string out = "{";
  for (const auto& [name, value] : sample.labels)
    out += fmt::format("{}{}=\"{}\"", out.size() > 1 ? "," : "", name, value);
  return out + "}";
}

bool IsAboutTheScrape(const AlertRule& rule) {
  return rule.metric == "up" || rule.metric == "ready";
}

Status Wrong(const std::string& pointer, std::string detail) {
  return Status::Invalid(Code::kInvalidRequest, pointer, std::move(detail));
}

template <typename Names>
bool Has(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

/// Whether it says anything of the series that an alert is of.
bool HasSampleOf(const AlertRule& rule, const Alert& alert, const Scrape& scrape) {
  for (const MetricFamily& family : scrape.metrics.families) {
    for (const MetricSample& sample : family.samples)
      if (Matches(rule, sample) && LabelsText(sample) == alert.labels) return true;
  }
  return false;
}

Result<double> ReadNumber(api::ObjectReader& object, std::string_view name) {
  const api::JsonNode* node = object.Find(name);
  if (node == nullptr)
    return Wrong(object.PointerOf(name), "a rule needs a number to compare with");
  if (node->kind != api::JsonNode::Kind::kNumber)
    return api::WrongKind(object.PointerOf(name), "a number", *node);
  double value = 0;
  const auto [end, error] =
      std::from_chars(node->text.data(), node->text.data() + node->text.size(), value);
  if (error != std::errc() || !std::isfinite(value))
    return Wrong(object.PointerOf(name), "the number is out of range");
  return value;
}

Status ReadLabelsOf(api::ObjectReader& object, AlertRule& rule) {
  const api::JsonNode* node = object.Find("labels");
  if (node == nullptr) return Status::Ok();
  const std::string pointer = object.PointerOf("labels");
  if (node->kind != api::JsonNode::Kind::kObject)
    return api::WrongKind(pointer, "an object", *node);
  for (const api::JsonMember& member : node->members) {
    if (member.value.kind != api::JsonNode::Kind::kString)
      return api::WrongKind(api::PointerTo(pointer, member.name), "a string", member.value);
    rule.labels[member.name] = member.value.text;
  }
  return Status::Ok();
}

Result<AlertRule> ReadRule(const api::JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  AlertRule rule;
  GRANARY_ASSIGN(rule.name, object.RequiredText("name"));
  GRANARY_ASSIGN(rule.metric, object.RequiredText("metric"));
  GRANARY_ASSIGN(const auto service, object.Text("service"));
  rule.service = service.value_or("");
  GRANARY_TRY(ReadLabelsOf(object, rule));
  GRANARY_ASSIGN(const auto of, object.Text("of"));
  if (of && *of != "value" && *of != "rate")
    return Wrong(object.PointerOf("of"), "'" + *of + "': one of value, rate");
  rule.of = of == "rate" ? AlertOf::kRate : AlertOf::kValue;
  GRANARY_ASSIGN(const std::string op, object.RequiredText("op"));
  const auto found = std::ranges::find(kOps, op, &OpName::name);
  if (found == std::end(kOps))
    return Wrong(object.PointerOf("op"), "'" + op + "': one of gt, gte, lt, lte, eq, ne");
  rule.op = found->op;
  GRANARY_ASSIGN(rule.value, ReadNumber(object, "value"));
  GRANARY_ASSIGN(const auto seconds, object.WholeNumber("for_seconds", 0, kForSecondsMax));
  rule.for_seconds = static_cast<std::int64_t>(seconds.value_or(0));
  GRANARY_ASSIGN(const auto severity, object.Text("severity"));
  rule.severity = severity.value_or("warning");
  if (!Has(kSeverities, rule.severity)) {
    return Wrong(object.PointerOf("severity"),
                 "'" + rule.severity + "': one of info, warning, critical");
  }
  GRANARY_ASSIGN(const auto summary, object.Text("summary"));
  rule.summary = summary.value_or("");
  GRANARY_TRY(object.Finish());
  return rule;
}

}  // namespace

std::vector<AlertRule> DefaultAlertRules() {
  const auto rule = [](std::string name, std::string metric, AlertOf of, AlertOp op, double value,
                       std::int64_t for_seconds, std::string severity, std::string summary) {
    AlertRule out;
    out.name = std::move(name);
    out.metric = std::move(metric);
    out.of = of;
    out.op = op;
    out.value = value;
    out.for_seconds = for_seconds;
    out.severity = std::move(severity);
    out.summary = std::move(summary);
    return out;
  };
  constexpr AlertOf kValue = AlertOf::kValue, kRate = AlertOf::kRate;
  return {
      rule("ServiceDown", "up", kValue, AlertOp::kLt, 1, 30, "critical",
           "a service does not answer"),
      rule("ServiceNotReady", "ready", kValue, AlertOp::kLt, 1, 120, "warning",
           "a service answers and is not ready"),
      rule("SearchesRefused", "granary_searches_refused_total", kRate, AlertOp::kGt, 0, 60,
           "warning", "searches are refused because the queue is full"),
      rule("MemoryRefused", "granary_memory_refusals_total", kRate, AlertOp::kGt, 1, 60, "warning",
           "work waits for memory, or is refused"),
      rule("FleetUnknown", "granary_monitoring_fleet_learned", kValue, AlertOp::kLt, 1, 60,
           "warning",
           "the Operation Node answers, and which nodes there are cannot be learned from it"),
      rule("NodesLeftOut", "granary_monitoring_nodes_left_out", kValue, AlertOp::kGt, 0, 0,
           "warning", "there are more nodes than are looked at: see SCRAPE_NODES_MAX"),
      rule("CompactionsFail", "granary_compactions_failed_total", kRate, AlertOp::kGt, 0, 0,
           "warning", "a compaction failed"),
  };
}

Result<std::vector<AlertRule>> ParseAlertRules(std::string_view json) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(json, kRulesDepth));
  api::ObjectReader object(node, "");
  std::vector<AlertRule> out;
  GRANARY_TRY(object.Each("rules", out, ReadRule));
  GRANARY_TRY(object.Finish());
  if (out.size() > kRulesMax)
    return Wrong("/rules", fmt::format("at most {} rules, found {}", kRulesMax, out.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto earlier = std::ranges::find(out, out[i].name, &AlertRule::name);
    if (earlier != out.begin() + static_cast<std::ptrdiff_t>(i))
      return Wrong(fmt::format("/rules/{}/name", i), "'" + out[i].name + "' is a rule already");
  }
  return out;
}

Status CheckServices(const std::vector<AlertRule>& rules, const std::vector<Target>& targets) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string& wanted = rules[i].service;
    const bool is_known = std::ranges::any_of(targets, [&](const Target& target) {
      return target.service == wanted ||
             (wanted == hosting::kTenantNode && target.service == hosting::kOperationNode);
    });
    if (wanted.empty() || is_known) continue;
    std::string known;
    for (const Target& target : targets) known += (known.empty() ? "" : ", ") + target.service;
    return Wrong(fmt::format("/rules/{}/service", i),
                 fmt::format("'{}' is not looked at: one of {}", wanted, known));
  }
  return Status::Ok();
}

std::string AlertRuleJson(const AlertRule& rule) {
  std::string out;
  api::JsonObject object(out);
  object.Add("name", rule.name);
  if (rule.service.empty())
    object.AddNull("service");
  else
    object.Add("service", rule.service);
  object.Add("metric", rule.metric);
  api::JsonObject labels(object.Key("labels"));
  for (const auto& [name, value] : rule.labels) labels.Add(name, value);
  labels.Close();
  object.Add("of", rule.of == AlertOf::kRate ? "rate" : "value");
  object.Add("op", std::ranges::find(kOps, rule.op, &OpName::op)->name);
  AppendFormat(object.Key("value"), "{}", rule.value);
  object.Add("for_seconds", rule.for_seconds);
  object.Add("severity", rule.severity);
  object.Add("summary", rule.summary);
  object.Close();
  return out;
}

AlertBook::AlertIndex AlertBook::IndexOf(const std::vector<Alert>& alerts) {
  AlertIndex out;
  for (const Alert& alert : alerts)
    out.try_emplace({alert.rule, alert.service, alert.node, alert.labels}, &alert);
  return out;
}

std::optional<double> AlertBook::RateOf(const MetricSample& sample, const Scrape& scrape) const {
  const auto before = before_.find({scrape.target.service, scrape.target.node});
  if (before == before_.end()) return std::nullopt;
  const double seconds =
      static_cast<double>(scrape.at_us - before->second.at_us) / kMicrosPerSecond;
  if (seconds <= 0) return std::nullopt;  // The clock was set.
  const auto earlier = before->second.values.find(sample.name + LabelsText(sample));
  const bool began_anew = earlier == before->second.values.end() || earlier->second > sample.value;
  return (began_anew ? sample.value : sample.value - earlier->second) / seconds;
}

void AlertBook::LookAt(const AlertRule& rule, const Scrape& scrape, std::int64_t now_us,
                       const AlertIndex& active, std::vector<Alert>& out) const {
  const Target& target = scrape.target;
  std::size_t count = 0;
  const auto add = [&](std::string labels, double value) {
    if (!target.node.empty() && ++count > kAlertsPerNodeMax) return;
    Alert alert{.rule = rule.name,
                .service = target.service,
                .severity = rule.severity,
                .summary = rule.summary,
                .node = target.node,
                .labels = std::move(labels),
                .value = value,
                .since_us = now_us};
    const auto known = active.find({alert.rule, alert.service, alert.node, alert.labels});
    // A clock that was set back makes no alert younger than it is.
    if (known != active.end()) {
      alert.since_us = std::min(known->second->since_us, now_us);
      alert.firing = known->second->firing;
    }
    alert.firing = alert.firing || now_us - alert.since_us >= rule.for_seconds * 1'000'000;
    out.push_back(std::move(alert));
  };
  if (IsAboutTheScrape(rule)) {
    const double value = (rule.metric == "up" ? scrape.up : scrape.ready) ? 1 : 0;
    // Whether what does not answer is ready is no question.
    if (rule.metric == "ready" && !scrape.up) return;
    if (Holds(rule.op, value, rule.value)) add({}, value);
    return;
  }
  for (const MetricFamily& family : scrape.metrics.families) {
    for (const MetricSample& sample : family.samples) {
      if (!Matches(rule, sample)) continue;
      const std::optional<double> value =
          rule.of == AlertOf::kRate ? RateOf(sample, scrape) : std::optional(sample.value);
      if (value && Holds(rule.op, *value, rule.value)) add(LabelsText(sample), *value);
    }
  }
}

void AlertBook::LookOnce(const AlertRule& rule, const Scrape& scrape, std::int64_t now_us,
                         const AlertIndex& active, std::vector<Alert>& out) const {
  const bool is_looked_at = (scrape.measured && scrape.is_new) || IsAboutTheScrape(rule);
  if (is_looked_at) LookAt(rule, scrape, now_us, active, out);
  if (is_looked_at && (scrape.ready || IsAboutTheScrape(rule))) return;
  // One that is away, or only begins, says nothing yet of what was.
  const std::string_view service = scrape.target.service, node = scrape.target.node;
  for (auto at = active.lower_bound({rule.name, service, node, ""}); at != active.end(); ++at) {
    const Alert& alert = *at->second;
    if (alert.rule != rule.name || alert.service != service || alert.node != node) break;
    if (!is_looked_at || !HasSampleOf(rule, alert, scrape)) out.push_back(alert);
  }
}

// A service that says nothing now is compared with what it said last; one that is gone is forgotten.
void AlertBook::Remember(const std::vector<Scrape>& scrapes) {
  std::set<std::pair<std::string, std::string>> there;
  for (const Scrape& scrape : scrapes) {
    const std::pair key{scrape.target.service, scrape.target.node};
    there.insert(key);
    if (!scrape.measured || !scrape.is_new) continue;
    Before& before = before_[key];
    before = {.at_us = scrape.at_us, .values = {}};
    for (const MetricFamily& family : scrape.metrics.families) {
      for (const MetricSample& sample : family.samples) {
        const bool is_wanted = std::ranges::any_of(rules_, [&](const AlertRule& rule) {
          return rule.of == AlertOf::kRate && Matches(rule, sample);
        });
        if (is_wanted) before.values[sample.name + LabelsText(sample)] = sample.value;
      }
    }
  }
  std::erase_if(before_, [&](const auto& entry) { return !there.contains(entry.first); });
}

std::vector<AlertChange> AlertBook::Look(const std::vector<Scrape>& scrapes, std::int64_t now_us) {
  const AlertIndex active = IndexOf(active_);
  std::vector<Alert> now;
  for (const AlertRule& rule : rules_) {
    for (const Scrape& scrape : scrapes) {
      if (scrape.at_us == 0 && !scrape.is_new) continue;  // Nobody has looked yet.
      if (rule.service.empty() || rule.service == scrape.target.service)
        LookOnce(rule, scrape, now_us, active, now);
    }
  }
  const AlertIndex there = IndexOf(now);
  std::vector<AlertChange> out;
  const auto in = [](const AlertIndex& alerts, const Alert& wanted) {
    const auto found = alerts.find({wanted.rule, wanted.service, wanted.node, wanted.labels});
    return found == alerts.end() ? nullptr : found->second;
  };
  for (const Alert& alert : now) {
    const Alert* was = in(active, alert);
    if (alert.firing && (was == nullptr || !was->firing)) out.push_back({alert, false});
  }
  for (const Alert& alert : active_)
    if (alert.firing && in(there, alert) == nullptr) out.push_back({alert, true});
  active_ = std::move(now);
  Remember(scrapes);
  return out;
}

}  // namespace granary::services
