// WrongPlaces: what is wrong with the parts of a request, gathered, so that a user mends it in one go.
//
// Promise    the failure that comes of it has the code of the first one and the places of all, in
//            the order in which they were added, kWrongPlacesMax at most.
// Threads    one.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "granary/base/status.h"

namespace granary {

inline constexpr std::size_t kWrongPlacesMax = 20;

class WrongPlaces {
 public:
  /// Nothing for an OK status. The first one that names no place is the failure of all.
  void Add(const Status& status);
  /// The value into `out`, or its failure here.
  template <typename T, typename Out>
  void Put(Result<T> result, Out& out) {
    if (result.ok())
      out = result.Take();
    else
      Add(result.status());
  }
  bool any() const { return !first_.ok(); }
  /// More would not be named.
  bool full() const { return is_final_ || places_.size() >= kWrongPlacesMax; }

  /// OK when nothing was added. One failure comes out as it went in.
  Status Take() const;

 private:
  Status first_;
  std::size_t added_ = 0;
  bool is_final_ = false;  ///< `first_` names no place.
  std::vector<FieldError> places_;
};

}  // namespace granary
