// Metrics: counts of what a service does, as Prometheus text.
//
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace granary::hosting {

/// A number read when somebody asks.
struct Sample {
  std::string_view name;
  std::string_view help;
  double value = 0;
  bool counts_up = false;   ///< A counter, else a gauge.
  std::string tenant = {};  ///< The label tenant_id; empty: none.
};

/// Counts up for as long as the process lives.
class Counter {
 public:
  void Add(std::uint64_t n) { count_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_ = 0;
};

class Metrics {
 public:
  /// What granary_build_info says besides the version, such as the tenant.
  using Labels = std::vector<std::pair<std::string, std::string>>;
  Metrics(std::string_view version, const Labels& labels);
  ~Metrics();

  /// `route` is a pattern, never a client's path: the number of series stays bounded.
  void CountRequest(const std::string& method, const std::string& route, int status,
                    double seconds);
  /// A gRPC call. `method` is a name of the service's, `code` the code word.
  void CountCall(const std::string& method, std::string_view code, double seconds);
  /// A counter of the service's own, shown with the others. Lives as long as this.
  Counter& NewCounter(std::string_view name, std::string_view help);

  /// Everything counted, and `samples`, in the text format 0.0.4; those of one name are one family.
  std::string Render(const std::vector<Sample>& samples) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::hosting
