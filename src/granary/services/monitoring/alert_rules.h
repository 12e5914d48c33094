// Alert rules: which numbers of which services are cause for alarm, and for how long.
//
//   {"name": "TenantNodeDown", "service": "tenant-node", "metric": "up", "op": "lt", "value": 1,
//    "for_seconds": 30, "severity": "critical", "summary": "…"}
//
// Life       inactive -> pending, once the condition holds -> firing, once it has held for
//            for_seconds -> resolved, once it no longer holds.
// Pure       no clock, no sockets: what was scraped and when comes in.
// Threads    values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "granary/base/status.h"
#include "granary/services/monitoring/scrape.h"

namespace granary::services {

enum class AlertOp : std::uint8_t { kGt, kGte, kLt, kLte, kEq, kNe };
/// kRate: by how much a counter grew in a second since the scrape before; a counter that fell began
/// anew, and counts from zero.
enum class AlertOf : std::uint8_t { kValue, kRate };

struct AlertRule {
  std::string name;
  std::string service;  ///< Empty: each of them.
  std::string metric;   ///< A sample's name; `up` and `ready` are the scrape's own.
  std::map<std::string, std::string> labels;  ///< That a sample must have.
  AlertOf of = AlertOf::kValue;
  AlertOp op = AlertOp::kGt;
  double value = 0;
  std::int64_t for_seconds = 0;
  std::string severity = "warning";  ///< info, warning or critical.
  std::string summary;
};

/// Those that a system has whose operator wrote none.
std::vector<AlertRule> DefaultAlertRules();

/// {"rules": [...]}; each refusal has its pointer. At most kRulesMax rules, of distinct names.
inline constexpr std::size_t kRulesMax = 1'000;
Result<std::vector<AlertRule>> ParseAlertRules(std::string_view json);
/// kInvalidRequest for a rule about a service that nobody looks at, which would never fire. With an
/// operation-node there are Tenant Nodes to look at, too.
Status CheckServices(const std::vector<AlertRule>& rules, const std::vector<Target>& targets);
std::string AlertRuleJson(const AlertRule& rule);

/// One series of one service, or one node of the fleet, that a rule's condition holds of.
struct Alert {
  std::string rule, service, severity, summary;
  std::string node;    ///< Target::node.
  std::string labels;  ///< {route="/data/write"}, or nothing.
  double value = 0;
  std::int64_t since_us = 0;  ///< The condition holds without a break since then.
  bool firing = false;

  bool IsSame(const Alert& other) const {
    return rule == other.rule && service == other.service && node == other.node &&
           labels == other.labels;
  }
};

struct AlertChange {
  Alert alert;
  bool resolved = false;  ///< It fired; else it begins to.
};

/// Of a node of the fleet a rule has at most so many alerts: what a node says may have any number of
/// series.
inline constexpr std::size_t kAlertsPerNodeMax = 20;

class AlertBook {
 public:
  explicit AlertBook(std::vector<AlertRule> rules) : rules_(std::move(rules)) {}

  const std::vector<Alert>& active() const { return active_; }  ///< Pending ones, too.

  /// What begins or ceases to fire by what was scraped. A service whose metrics could not be read
  /// keeps its alerts as they are, apart from those about `up` and `ready`; so does one that is not
  /// ready, of series that it does not tell of yet. Alerts of what is not among `scrapes` end.
  std::vector<AlertChange> Look(const std::vector<Scrape>& scrapes, std::int64_t now_us);

 private:
  /// By rule, service, node and labels.
  using AlertKey =
      std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>;
  using AlertIndex = std::map<AlertKey, const Alert*>;
  /// What a rate is a difference to: the numbers that rules want the rate of.
  struct Before {
    std::int64_t at_us = 0;
    std::unordered_map<std::string, double> values;
  };

  static AlertIndex IndexOf(const std::vector<Alert>& alerts);
  void LookAt(const AlertRule& rule, const Scrape& scrape, std::int64_t now_us,
              const AlertIndex& active, std::vector<Alert>& out) const;
  /// What becomes of the alerts of a rule and a service by a look that found what it found.
  void LookOnce(const AlertRule& rule, const Scrape& scrape, std::int64_t now_us,
                const AlertIndex& active, std::vector<Alert>& out) const;
  std::optional<double> RateOf(const MetricSample& sample, const Scrape& scrape) const;
  void Remember(const std::vector<Scrape>& scrapes);

  std::vector<AlertRule> rules_;
  std::vector<Alert> active_;
  std::map<std::pair<std::string, std::string>, Before> before_;  // By service and node.
};

}  // namespace granary::services
