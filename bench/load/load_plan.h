// LoadPlan and LoadResult: what a load generator is to do, and what it saw.
//
// Each connection has one request under way: the next is sent when the answer is there. All of them
// are driven by one thread.
#pragma once

#include <cstdint>
#include <string>

#include "latency_histogram.h"

namespace granary::bench {

struct LoadPlan {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::size_t connections = 1;
  /// No request starts later.
  double seconds = 5;
  /// Nor more than so many in all; 0: no such limit.
  std::uint64_t requests_max = 0;
  /// gRPC: "/granary.v1.TenantNode/WriteData".
  std::string method;
};

struct LoadResult {
  LatencyHistogram latencies;  ///< Of requests that were answered well.
  std::uint64_t errors = 0;
  std::string first_error;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  double wall_seconds = 0;
  double cpu_seconds = 0;  ///< Of the load generator itself, in that time.

  void Fail(const std::string& why) {
    if (errors++ == 0) first_error = why;
  }
};

/// One line of JSON.
std::string ToJson(const LoadResult& result);

}  // namespace granary::bench
