#include "granary/hosting/metrics.h"

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <tuple>

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace granary::hosting {
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
  if (!sample.tenant.empty()) metric.label.push_back({"tenant_id", sample.tenant});
  family.metric.push_back(std::move(metric));
  return family;
}

prometheus::MetricFamily BuildInfo(std::string_view version, const Metrics::Labels& labels) {
  prometheus::MetricFamily family = ToFamily({"granary_build_info", "1, with the version", 1});
  family.metric[0].label.push_back({"version", std::string(version)});
  for (const auto& [name, value] : labels) family.metric[0].label.push_back({name, value});
  return family;
}

struct NamedCounter {
  std::string name, help;
  Counter counter;
};

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
  std::mutex counters_mutex;
  std::deque<NamedCounter> counters;  // They stay where they are.

  /// The registry keeps them where they are. Found here they cost a tenth of what it takes to name
  /// them by their labels.
  struct RequestSeries {
    prometheus::Counter* count;
    prometheus::Histogram* latency;
  };
  std::shared_mutex series_mutex;
  std::map<std::tuple<std::string, std::string, int>, RequestSeries, std::less<>> series;

  RequestSeries SeriesOf(const std::string& method, const std::string& route, int status) {
    {
      const std::shared_lock lock(series_mutex);
      const auto found = series.find(std::tie(method, route, status));
      if (found != series.end()) return found->second;
    }
    const RequestSeries made{
        &requests.Add({{"method", method}, {"route", route}, {"status", std::to_string(status)}}),
        &latency.Add({{"route", route}}, kLatencySeconds)};
    const std::unique_lock lock(series_mutex);
    return series.try_emplace({method, route, status}, made).first->second;
  }
};

Metrics::Metrics(std::string_view version, const Labels& labels)
    : state_(std::make_unique<State>()) {
  state_->build_info = BuildInfo(version, labels);
}
Metrics::~Metrics() = default;

void Metrics::CountRequest(const std::string& method, const std::string& route, int status,
                           double seconds) {
  const State::RequestSeries series = state_->SeriesOf(method, route, status);
  series.count->Increment();
  series.latency->Observe(seconds);
}

void Metrics::CountCall(const std::string& method, std::string_view code, double seconds) {
  state_->calls.Add({{"method", method}, {"code", std::string(code)}}).Increment();
  state_->call_latency.Add({{"method", method}}, kLatencySeconds).Observe(seconds);
}

Counter& Metrics::NewCounter(std::string_view name, std::string_view help) {
  const std::lock_guard lock(state_->counters_mutex);
  NamedCounter& added = state_->counters.emplace_back();
  added.name = name;
  added.help = help;
  return added.counter;
}

std::string Metrics::Render(const std::vector<Sample>& samples) const {
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  families.push_back(state_->build_info);
  {
    const std::lock_guard lock(state_->counters_mutex);
    for (const NamedCounter& one : state_->counters) {
      families.push_back(
          ToFamily({one.name, one.help, static_cast<double>(one.counter.count()), true}));
    }
  }
  std::map<std::string_view, std::size_t> at;  // Of the samples' families.
  for (const Sample& sample : samples) {
    prometheus::MetricFamily family = ToFamily(sample);
    const auto [found, is_new] = at.try_emplace(sample.name, families.size());
    if (is_new)
      families.push_back(std::move(family));
    else
      families[found->second].metric.push_back(std::move(family.metric[0]));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace granary::hosting
