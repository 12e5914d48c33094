// Metrics: counts of what a node does, as Prometheus text.
//
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace granary::services {

/// A number read when somebody asks.
struct Sample {
  std::string_view name;
  std::string_view help;
  double value = 0;
  bool counts_up = false;  ///< A counter, else a gauge.
};

class Metrics {
 public:
  Metrics(std::string_view tenant_id, std::string_view version);
  ~Metrics();

  /// `route` is a pattern, never a client's path: the number of series stays bounded.
  void CountRequest(const std::string& method, const std::string& route, int status,
                    double seconds);
  /// A gRPC call. `method` is a name of the service's, `code` the code word.
  void CountCall(const std::string& method, std::string_view code, double seconds);
  void CountRowsWritten(std::uint64_t rows);
  void CountRowsReturned(std::uint64_t rows);

  /// Everything counted, and `samples`, in the text format 0.0.4.
  std::string Render(const std::vector<Sample>& samples) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::services
