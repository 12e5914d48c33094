// StreamPlaces: how many bodies may stream through the gateway at once, and whose.
//
// Rule       a tenant may hold as many places as are free besides: one tenant alone half of them,
//            two a third each, and whoever comes next finds one, however slowly the others send.
// Why here   a place is for whoever may call: strangers are refused before they need one.
// Threads    fully safe.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "granary/base/status.h"

namespace granary::gateway {

class StreamPlaces {
 public:
  explicit StreamPlaces(std::size_t places_max) : free_(places_max) {}

  /// Given back when it goes.
  class Place {
   public:
    Place(StreamPlaces* places, std::string tenant) : places_(places), tenant_(std::move(tenant)) {}
    Place(Place&& other) noexcept
        : places_(std::exchange(other.places_, nullptr)), tenant_(std::move(other.tenant_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (places_ != nullptr) places_->GiveBack(tenant_);
    }

   private:
    StreamPlaces* places_;
    std::string tenant_;
  };

  /// kOverloaded when none is free, or the tenant holds its share.
  Result<Place> Take(const std::string& tenant);

 private:
  void GiveBack(const std::string& tenant);

  std::mutex mutex_;
  std::size_t free_;                                    // Guarded by mutex_, as what follows.
  std::unordered_map<std::string, std::size_t> taken_;  // By tenant; never 0.
};

}  // namespace granary::gateway
