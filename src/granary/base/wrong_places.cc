#include "granary/base/wrong_places.h"

#include <fmt/format.h>

namespace granary {

void WrongPlaces::Add(const Status& status) {
  if (status.ok() || full()) return;
  if (added_++ == 0 || status.fields().empty()) first_ = status;
  is_final_ = status.fields().empty();
  for (const FieldError& place : status.fields()) {
    if (places_.size() < kWrongPlacesMax) places_.push_back(place);
  }
}

Status WrongPlaces::Take() const {
  if (is_final_ || added_ < 2) return first_;
  const FieldError& first = places_.front();
  return {first_.code(),
          fmt::format("{}: {} (and {} more)", first.pointer, first.detail, places_.size() - 1),
          places_};
}

}  // namespace granary
