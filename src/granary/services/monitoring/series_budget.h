// SeriesBudget: how many series each node of the fleet may have, whatever it says: a node whose
// labels are new each time would fill disk and memory, and push out what others measured.
//
// Kept       a series that was let in stays so until it was not seen for kForgetUs.
// Threads    one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "granary/services/monitoring/scrape.h"

namespace granary::services {

class SeriesBudget {
 public:
  static constexpr std::int64_t kForgetUs = 3'600'000'000;

  explicit SeriesBudget(std::size_t series_max) : series_max_(series_max) {}

  /// Takes the samples out that are too many, the later ones of the text; returns how many.
  std::size_t Trim(Scrape& scrape);
  /// Forgets all nodes but these.
  void Keep(const std::vector<Scrape>& scrapes);

 private:
  /// By a hash of name and labels: when it was seen last. Two series of one hash count as one.
  using Seen = std::unordered_map<std::uint64_t, std::int64_t>;
  const std::size_t series_max_;
  std::map<std::string, Seen> nodes_;
};

}  // namespace granary::services
