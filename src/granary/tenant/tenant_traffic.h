// TenantTraffic: what a tenant was asked and given since it was opened.
//
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstdint>

namespace granary {

/// At one moment.
struct TrafficCounts {
  std::uint64_t requests = 0;  ///< Over REST,
  std::uint64_t calls = 0;     ///< and over gRPC.
  std::uint64_t rows_written = 0, rows_returned = 0;

  TrafficCounts& operator+=(const TrafficCounts& other) {
    requests += other.requests;
    calls += other.calls;
    rows_written += other.rows_written;
    rows_returned += other.rows_returned;
    return *this;
  }
};

class TenantTraffic {
 public:
  void CountRequest() { Add(requests_, 1); }
  void CountCall() { Add(calls_, 1); }
  void CountWritten(std::uint64_t rows) { Add(rows_written_, rows); }
  void CountReturned(std::uint64_t rows) { Add(rows_returned_, rows); }

  TrafficCounts counts() const {
    return {.requests = requests_.load(std::memory_order_relaxed),
            .calls = calls_.load(std::memory_order_relaxed),
            .rows_written = rows_written_.load(std::memory_order_relaxed),
            .rows_returned = rows_returned_.load(std::memory_order_relaxed)};
  }

 private:
  using Count = std::atomic<std::uint64_t>;
  static void Add(Count& count, std::uint64_t n) { count.fetch_add(n, std::memory_order_relaxed); }

  Count requests_ = 0, calls_ = 0, rows_written_ = 0, rows_returned_ = 0;
};

}  // namespace granary
