#include "granary/security/rate_limiter.h"

#include <algorithm>
#include <cmath>

namespace granary::security {
namespace {

std::int64_t WholeSeconds(double seconds) {
  return static_cast<std::int64_t>(std::ceil(std::min(seconds, 1e9)));
}

}  // namespace

RateLimiter::Bucket& RateLimiter::Filled(const RateRequest& request, std::int64_t now_ns) {
  const RateLimit& limit = request.limit;
  Bucket& bucket = buckets_.Get(request.bucket, [&] { return Bucket{limit.burst, now_ns}; });
  const double seconds =
      static_cast<double>(std::max<std::int64_t>(now_ns - bucket.at_ns, 0)) / 1e9;
  bucket.level = std::min(limit.burst, bucket.level + seconds * limit.per_second);
  bucket.at_ns = std::max(bucket.at_ns, now_ns);
  return bucket;
}

RateDecision RateLimiter::Take(std::span<const RateRequest> requests, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  RateDecision out;
  double least = 0;
  for (const RateRequest& request : requests) {
    if (request.limit.per_second <= 0) continue;
    const double level = Filled(request, now_ns).level;
    if (out.limited && level >= least) continue;
    least = level;
    out.limited = true;
    out.allowed = level >= 1;
    out.limit = static_cast<std::int64_t>(request.limit.burst);
    out.remaining = static_cast<std::int64_t>(out.allowed ? level - 1 : level);
    const double after = request.limit.burst - (out.allowed ? level - 1 : level);
    out.reset_s = WholeSeconds(after / request.limit.per_second);
    out.retry_after_s = out.allowed ? 0
                                    : std::max<std::int64_t>(
                                          WholeSeconds((1 - level) / request.limit.per_second), 1);
    out.bucket = request.bucket;
  }
  if (!out.allowed) return out;
  for (const RateRequest& request : requests) {
    if (request.limit.per_second > 0) Filled(request, now_ns).level -= 1;
  }
  return out;
}

std::size_t RateLimiter::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

}  // namespace granary::security
