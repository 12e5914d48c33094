#include "load_plan.h"

#include <fmt/format.h>

#include "granary/json/batch_writer.h"

namespace granary::bench {

std::string ToJson(const LoadResult& result) {
  std::string error;
  json::AppendString(result.first_error, error);
  const LatencyHistogram& latencies = result.latencies;
  return fmt::format(
      R"({{"requests":{},"errors":{},"first_error":{},"wall_s":{:.6f},"client_cpu_s":{:.6f},)"
      R"("bytes_sent":{},"bytes_received":{},"min_us":{:.2f},"mean_us":{:.2f},"p50_us":{:.2f},)"
      R"("p90_us":{:.2f},"p99_us":{:.2f},"p999_us":{:.2f},"max_us":{:.2f}}})",
      latencies.count(), result.errors, error, result.wall_seconds, result.cpu_seconds,
      result.bytes_sent, result.bytes_received, latencies.min_us(), latencies.mean_us(),
      latencies.PercentileUs(0.5), latencies.PercentileUs(0.9), latencies.PercentileUs(0.99),
      latencies.PercentileUs(0.999), latencies.max_us());
}

}  // namespace granary::bench
