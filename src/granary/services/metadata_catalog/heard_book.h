// HeardBook: when a tenant's node was heard last, and whether something is to be said to it. In
// memory: a node says something several times a second.
//
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace granary::catalog {

class HeardBook {
 public:
  /// Nodes that were known before count as heard then.
  explicit HeardBook(std::int64_t since_us) : since_us_(since_us) {}

  void Hear(const std::string& tenant, std::int64_t now_us) {
    const std::lock_guard lock(mutex_);
    heard_us_[tenant] = now_us;
  }
  void Forget(const std::string& tenant) {
    const std::lock_guard lock(mutex_);
    heard_us_.erase(tenant);
  }
  /// Nothing since this service began.
  std::optional<std::int64_t> HeardAt(const std::string& tenant) const {
    const std::lock_guard lock(mutex_);
    const auto found = heard_us_.find(tenant);
    return found == heard_us_.end() ? std::nullopt : std::optional(found->second);
  }
  std::int64_t SilentFor(const std::string& tenant, std::int64_t now_us) const {
    return now_us - HeardAt(tenant).value_or(since_us_);
  }

 private:
  const std::int64_t since_us_;
  mutable std::mutex mutex_;
  std::map<std::string, std::int64_t> heard_us_;
};

}  // namespace granary::catalog
