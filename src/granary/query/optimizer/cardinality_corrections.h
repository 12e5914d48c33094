// CardinalityCorrections: by what estimates of rows are multiplied, for predicates of a shape.
//
// Threads    immutable once made.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace granary::query {

class CardinalityCorrections {
 public:
  struct Factor {
    std::uint64_t shape = 0;  ///< predicate_shape.h
    double times = 1;
  };

  CardinalityCorrections() = default;
  explicit CardinalityCorrections(std::vector<Factor> factors) : factors_(std::move(factors)) {
    std::ranges::sort(factors_, {}, &Factor::shape);
  }
  /// 1 for a shape that nothing is known of.
  double FactorOf(std::uint64_t shape) const {
    const auto at = std::ranges::lower_bound(factors_, shape, {}, &Factor::shape);
    return at != factors_.end() && at->shape == shape && at->times > 0 ? at->times : 1;
  }
  bool empty() const { return factors_.empty(); }
  const std::vector<Factor>& factors() const { return factors_; }

 private:
  std::vector<Factor> factors_;
};

}  // namespace granary::query
