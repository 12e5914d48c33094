#include "granary/services/tenant_node/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace granary::services {
namespace {

const prometheus::Histogram::BucketBoundaries kLatencySeconds = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

prometheus::MetricFamily ToFamily(const Sample& sample) {
  prometheus::MetricFamily family;
  family.name = sample.name;
  family.help = sample.help;
  family.type = sample.counts_up ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  prometheus::ClientMetric metric;
  if (sample.counts_up)
    metric.counter.value = sample.value;
  else
    metric.gauge.value = sample.value;
  family.metric.push_back(std::move(metric));
  return family;
}

prometheus::MetricFamily BuildInfo(std::string_view tenant_id, std::string_view version) {
  prometheus::MetricFamily family =
      ToFamily({"granary_build_info", "1, with the version and the tenant as labels", 1});
  family.metric[0].label = {{"version", std::string(version)},
                            {"tenant_id", std::string(tenant_id)}};
  return family;
}

}  // namespace

struct Metrics::State {
  prometheus::MetricFamily build_info;
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("granary_http_requests_total")
                                                          .Help("Answered requests")
                                                          .Register(registry);
  prometheus::Family<prometheus::Histogram>& latency =
      prometheus::BuildHistogram()
          .Name("granary_http_request_seconds")
          .Help("From the whole request to the end of its answer")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& calls = prometheus::BuildCounter()
                                                       .Name("granary_grpc_requests_total")
                                                       .Help("Answered gRPC calls")
                                                       .Register(registry);
  prometheus::Family<prometheus::Histogram>& call_latency =
      prometheus::BuildHistogram()
          .Name("granary_grpc_request_seconds")
          .Help("From a gRPC call's first message to its end")
          .Register(registry);
  prometheus::Counter& rows_written = prometheus::BuildCounter()
                                          .Name("granary_rows_written_total")
                                          .Help("Records acknowledged")
                                          .Register(registry)
                                          .Add({});
  prometheus::Counter& rows_returned = prometheus::BuildCounter()
                                           .Name("granary_rows_returned_total")
                                           .Help("Records and groups sent")
                                           .Register(registry)
                                           .Add({});
};

Metrics::Metrics(std::string_view tenant_id, std::string_view version)
    : state_(std::make_unique<State>()) {
  state_->build_info = BuildInfo(tenant_id, version);
}
Metrics::~Metrics() = default;

void Metrics::CountRequest(const std::string& method, const std::string& route, int status,
                           double seconds) {
  state_->requests.Add({{"method", method}, {"route", route}, {"status", std::to_string(status)}})
      .Increment();
  state_->latency.Add({{"route", route}}, kLatencySeconds).Observe(seconds);
}

void Metrics::CountCall(const std::string& method, std::string_view code, double seconds) {
  state_->calls.Add({{"method", method}, {"code", std::string(code)}}).Increment();
  state_->call_latency.Add({{"method", method}}, kLatencySeconds).Observe(seconds);
}

void Metrics::CountRowsWritten(std::uint64_t rows) {
  state_->rows_written.Increment(static_cast<double>(rows));
}
void Metrics::CountRowsReturned(std::uint64_t rows) {
  state_->rows_returned.Increment(static_cast<double>(rows));
}

std::string Metrics::Render(const std::vector<Sample>& samples) const {
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  families.push_back(state_->build_info);
  for (const Sample& sample : samples) families.push_back(ToFamily(sample));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace granary::services
