// CoefficientFitter: what units of work cost on this machine, learned from work that was timed.
//
// How        an extended Kalman filter over the logarithms of the prices, which keeps them above
//            zero and makes an error of a factor count alike at every size: each observation moves
//            a price by its share in the estimate. What lies further off than the noise explains is
//            clipped (Huber), so that a worker that had to wait moves little; how large the noise
//            is is learned, too. Prices stay within a factor of kBound of those that
//            it began with, and those that no observation tells of stay where they are.
// Bad input  a time or amount that is negative, infinite, NaN or absurd is refused and changes
//            nothing.
// Threads    one.
// Source     Huber, "Robust Estimation of a Location Parameter" (1964); Simon, "Optimal State
//            Estimation" (2006), 13.2.
#pragma once

#include <array>
#include <cstdint>

#include "granary/query/optimizer/coefficients.h"

namespace granary::query {

class CoefficientFitter {
 public:
  /// Prices are between 1 / kBound and kBound times the builtin ones.
  static constexpr double kBound = 100;
  static constexpr double kNsMax = 3.6e12;   ///< An hour: more is no time that work takes.
  static constexpr double kTimesMax = 1e13;  ///< More is no amount.

  enum class Taken : std::uint8_t { kUsed, kClipped, kRefused };

  /// `sure`: by how little, as a standard deviation of logarithms, the prices are expected to be
  /// off.
  explicit CoefficientFitter(const CostModel& start, double sure = 0.7);

  Taken Learn(const Work& work, double took_ns);

  /// The prices; version and tie_ns as they were.
  const CostModel& model() const { return model_; }
  std::uint64_t used() const { return used_; }
  std::uint64_t clipped() const { return clipped_; }
  std::uint64_t refused() const { return refused_; }

 private:
  using Vector = std::array<double, kUnits>;

  void Update(const Vector& gain_of, double residual, double variance, double noise);

  CostModel model_;
  Vector least_{}, most_{};              // Logarithms.
  std::array<Vector, kUnits> spread_{};  // The covariance of the logarithms.
  double prior_;                         // Of each, at first.
  double noise_;                         // Variance of what prices do not explain.
  std::uint64_t used_ = 0, clipped_ = 0, refused_ = 0;
};

}  // namespace granary::query
