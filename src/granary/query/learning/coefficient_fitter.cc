#include "granary/query/learning/coefficient_fitter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace granary::query {
namespace {

// Clocks and the call itself: less than that is not told apart.
constexpr double kClockNs = 150;
constexpr double kHuber = 1.5;  // Standard deviations.
constexpr double kNoiseFirst = 0.25 * 0.25, kNoiseLeast = 0.1 * 0.1, kNoiseMost = 1;
constexpr double kNoiseRate = 0.02;
// Machines change: what was learned becomes a little less sure with each observation that it is
// part of.
constexpr double kDrift = 1e-5;

bool IsAmount(double value, double most) { return value >= 0 && value <= most; }

}  // namespace

CoefficientFitter::CoefficientFitter(const CostModel& start, double sure)
    : model_(start), prior_(sure * sure), noise_(kNoiseFirst) {
  const CostModel builtin;
  for (std::size_t i = 0; i < kUnits; ++i) {
    const double CostModel::*ns = Coefficients()[i].ns;
    least_[i] = std::log(builtin.*ns / kBound);
    most_[i] = std::log(builtin.*ns * kBound);
    double& price = model_.*Coefficients()[i].ns;
    price = price > 0 && std::isfinite(price)
                ? std::clamp(price, std::exp(least_[i]), std::exp(most_[i]))
                : builtin.*ns;
    spread_[i][i] = prior_;
  }
}

CoefficientFitter::Taken CoefficientFitter::Learn(const Work& work, double took_ns) {
  Vector shares{};
  std::array<std::size_t, kUnits> taken{};  // Units that the work has: a handful of them all.
  std::size_t takes = 0;
  double expected = 0;
  bool is_sane = took_ns > 0 && took_ns <= kNsMax;
  for (std::size_t i = 0; i < kUnits; ++i) {
    const double times = work[static_cast<Unit>(i)];
    is_sane = is_sane && IsAmount(times, kTimesMax);
    shares[i] = times * (model_.*Coefficients()[i].ns);
    if (shares[i] > 0) taken[takes++] = i;
    expected += shares[i];
  }
  if (!is_sane || !(expected > 0)) {
    ++refused_;
    return Taken::kRefused;
  }
  const double total = expected + kClockNs;
  const double residual = std::log(took_ns + kClockNs) - std::log(total);
  Vector gain_of{};
  double variance = 0;
  const std::span units(taken.data(), takes);
  for (const std::size_t i : units) {
    shares[i] /= total;
    spread_[i][i] = std::min(spread_[i][i] + kDrift, prior_);
  }
  for (std::size_t i = 0; i < kUnits; ++i) {
    for (const std::size_t j : units) gain_of[i] += spread_[i][j] * shares[j];
    variance += shares[i] * gain_of[i];
  }
  variance = std::max(variance, 0.0);
  const double clock = kClockNs / (took_ns + kClockNs);
  double noise = noise_ + clock * clock;
  const double deviations = std::abs(residual) / std::sqrt(variance + noise);
  const bool clips = deviations > kHuber;
  // The noise grows until the residual is as probable as kHuber deviations are.
  if (clips) noise = (variance + noise) * deviations / kHuber - variance;
  Update(gain_of, residual, variance, noise);
  const double unexplained = std::min(residual * residual, kHuber * kHuber * (variance + noise_));
  noise_ += kNoiseRate * (std::max(unexplained - variance, 0.0) - noise_);
  noise_ = std::clamp(noise_, kNoiseLeast, kNoiseMost);
  ++used_;
  if (clips) ++clipped_;
  return clips ? Taken::kClipped : Taken::kUsed;
}

void CoefficientFitter::Update(const Vector& gain_of, double residual, double variance,
                               double noise) {
  const double total = variance + noise;
  for (std::size_t i = 0; i < kUnits; ++i) {
    if (gain_of[i] == 0) continue;
    double& price = model_.*Coefficients()[i].ns;
    const double moved = std::log(price) + gain_of[i] / total * residual;
    price = std::exp(std::clamp(moved, least_[i], most_[i]));
  }
  for (std::size_t i = 0; i < kUnits; ++i) {
    if (gain_of[i] == 0) continue;
    for (std::size_t j = 0; j < kUnits; ++j) spread_[i][j] -= gain_of[i] * gain_of[j] / total;
    spread_[i][i] = std::max(spread_[i][i], 1e-9);
  }
}

}  // namespace granary::query
