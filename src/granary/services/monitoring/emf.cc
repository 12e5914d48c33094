#include "granary/services/monitoring/emf.h"

#include <cmath>
#include <optional>

#include "granary/api/json_object.h"

namespace granary::services {
namespace {

enum class EmfKind { kGauge, kCounter };

struct EmfRow {
  std::string_view name, unit, family;
  EmfKind kind;
  std::string_view status = {};  ///< The first digit of the samples' label `status`; empty: all.
};

// What somebody looks at first, and no more: each is paid for.
constexpr EmfRow kEmfRows[] = {
    {"requests", "Count", "granary_http_requests_total", EmfKind::kCounter},
    {"errors", "Count", "granary_http_requests_total", EmfKind::kCounter, "5"},
    {"calls", "Count", "granary_grpc_requests_total", EmfKind::kCounter},
    {"rows_written", "Count", "granary_rows_written_total", EmfKind::kCounter},
    {"rows_returned", "Count", "granary_rows_returned_total", EmfKind::kCounter},
    {"searches_refused", "Count", "granary_searches_refused_total", EmfKind::kCounter},
    {"searches_queued", "Count", "granary_searches_queued", EmfKind::kGauge},
    {"rows", "Count", "granary_rows", EmfKind::kGauge},
    {"stored_bytes", "Bytes", "granary_segment_bytes", EmfKind::kGauge},
    {"log_bytes", "Bytes", "granary_wal_bytes", EmfKind::kGauge},
    {"memory_bytes", "Bytes", "process_resident_memory_bytes", EmfKind::kGauge},
    {"nodes_wanted", "Count", "granary_fleet_nodes_wanted", EmfKind::kGauge},
    {"tenants_waiting", "Count", "granary_fleet_tenants_waiting", EmfKind::kGauge},
    {"alerts", "Count", "granary_monitoring_alerts", EmfKind::kGauge},
};

struct EmfMetric {
  std::string_view name, unit;
  double value;
};

std::optional<double> SumOfRow(const Exposition& metrics, const EmfRow& row) {
  const MetricFamily* family = metrics.Find(row.family);
  if (family == nullptr) return std::nullopt;
  double sum = 0;
  for (const MetricSample& sample : family->samples)
    if (sample.Label("status").starts_with(row.status)) sum += sample.value;
  return std::isfinite(sum) ? std::optional(sum) : std::nullopt;
}

void AppendDirective(std::int64_t at_us, std::string_view metrics_namespace,
                     const std::vector<EmfMetric>& measured, std::string& out) {
  api::JsonObject aws(out);
  aws.Add("Timestamp", at_us / 1000);
  std::string& list = aws.Key("CloudWatchMetrics");
  list.push_back('[');
  api::JsonObject directive(list);
  directive.Add("Namespace", metrics_namespace);
  directive.Key("Dimensions").append(R"([["service"]])");
  api::AppendList(measured, directive.Key("Metrics"), [&out](const EmfMetric& one) {
    api::JsonObject metric(out);
    metric.Add("Name", one.name);
    metric.Add("Unit", one.unit);
    metric.Close();
  });
  directive.Close();
  list.push_back(']');
  aws.Close();
}

}  // namespace

std::string EmfWriter::Line(const Scrape& scrape) {
  std::vector<EmfMetric> measured = {{"up", "None", scrape.up ? 1.0 : 0.0},
                                     {"ready", "None", scrape.ready ? 1.0 : 0.0}};
  if (scrape.up) measured.push_back({"health_ms", "Milliseconds", scrape.health_ms});
  for (const EmfRow& row : kEmfRows) {
    const auto value = SumOfRow(scrape.metrics, row);
    if (!value) continue;
    if (row.kind == EmfKind::kGauge) {
      measured.push_back({row.name, row.unit, *value});
      continue;
    }
    const auto [before, first] = seen_.try_emplace({scrape.target.service, row.name}, *value);
    if (!first)
      measured.push_back(
          {row.name, row.unit, *value >= before->second ? *value - before->second : *value});
    before->second = *value;
  }
  std::string out;
  api::JsonObject object(out);
  AppendDirective(scrape.at_us, namespace_, measured, object.Key("_aws"));
  object.Add("service", std::string_view(scrape.target.service));
  for (const EmfMetric& one : measured) AppendFormat(object.Key(one.name), "{}", one.value);
  object.Close();
  return out;
}

std::vector<std::string> EmfWriter::Lines(const std::vector<Scrape>& scrapes) {
  std::vector<std::string> lines;
  lines.reserve(scrapes.size());
  for (const Scrape& scrape : scrapes) lines.push_back(Line(scrape));
  return lines;
}

}  // namespace granary::services
