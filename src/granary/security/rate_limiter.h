// RateLimiter: token buckets by name. A bucket holds `burst` requests and fills with `per_second`.
//
// Promise    all buckets of a request have room, or none is charged: a request that is refused
//            costs nothing. Time comes from outside, and may stand still, but not go back.
// Memory     entries_max buckets; the least recently used goes, which had the most time to fill.
// Threads    fully safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "granary/security/bounded_table.h"

namespace granary::security {

struct RateLimit {
  double per_second = 0;  ///< 0: no limit.
  double burst = 1;       ///< At least 1.
};

struct RateRequest {
  std::string bucket;  ///< "key:4be0643f1d98573b"
  RateLimit limit;
};

/// Of the bucket that has the least left.
struct RateDecision {
  bool allowed = true;
  bool limited = false;  ///< Some bucket has a limit; else the rest says nothing.
  std::int64_t limit = 0, remaining = 0;
  std::int64_t reset_s = 0;        ///< Until the bucket is full again.
  std::int64_t retry_after_s = 0;  ///< Of a refusal: until there is room for one request.
  std::string bucket;
};

class RateLimiter {
 public:
  explicit RateLimiter(std::size_t entries_max) : buckets_(entries_max) {}

  RateDecision Take(std::span<const RateRequest> requests, std::int64_t now_ns);
  std::size_t size() const;

 private:
  struct Bucket {
    double level;
    std::int64_t at_ns;
  };
  Bucket& Filled(const RateRequest& request, std::int64_t now_ns);

  mutable std::mutex mutex_;
  BoundedTable<Bucket> buckets_;  // Guarded by mutex_.
};

}  // namespace granary::security
