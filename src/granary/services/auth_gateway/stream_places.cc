#include "granary/services/auth_gateway/stream_places.h"

#include <fmt/format.h>

namespace granary::gateway {

Result<StreamPlaces::Place> StreamPlaces::Take(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const auto found = taken_.find(tenant);
  const std::size_t held = found == taken_.end() ? 0 : found->second;
  if (held >= free_) {
    return Status(Code::kOverloaded,
                  fmt::format("{} bodies of the tenant are read as they come by now, and there is "
                              "no place for one more: try again shortly",
                              held));
  }
  --free_;
  taken_[tenant] = held + 1;
  return Place(this, tenant);
}

void StreamPlaces::GiveBack(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  ++free_;
  const auto found = taken_.find(tenant);
  if (--found->second == 0) taken_.erase(found);
}

}  // namespace granary::gateway
