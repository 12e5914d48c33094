// Coefficients: the prices of a CostModel as a list, and Work, the amounts that they are paid for.
//
// Promise    every double of CostModel but tie_ns, which is no price, is in the list, in the order
//            of Unit; its name is the member's, in files and answers alike.
// Threads    pure functions and values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "granary/query/optimizer/cost_model.h"

namespace granary::query {

enum class Unit : std::uint8_t {
  kChunk,
  kDecodeNumber,
  kDecodeText,
  kCachedChunk,
  kRowGroup,
  kCheckNumber,
  kCheckText,
  kCheckPattern,
  kCheckJson,
  kIndexLookup,
  kIndexRow,
  kBloomLookup,
  kPickChunk,
  kPickValue,
  kHotLookup,
  kMetadata,
  kMergeGroup,
  kTakeValue,
  kOrderRow,
  kGroupRow,
  kAggregateValue,
  kWorker,
  kPageLook,
  kPageChunk,
};
inline constexpr std::size_t kUnits = 24;

struct Coefficient {
  std::string_view name;
  double CostModel::*ns;
};
std::span<const Coefficient> Coefficients();
/// By its name; nothing when there is none.
std::optional<Unit> FindUnit(std::string_view name);

inline double& Price(CostModel& model, Unit unit) {
  return model.*Coefficients()[static_cast<std::size_t>(unit)].ns;
}
inline double Price(const CostModel& model, Unit unit) {
  return model.*Coefficients()[static_cast<std::size_t>(unit)].ns;
}

/// How often each price is paid.
class Work {
 public:
  double& operator[](Unit unit) { return times_[static_cast<std::size_t>(unit)]; }
  double operator[](Unit unit) const { return times_[static_cast<std::size_t>(unit)]; }
  Work& operator+=(const Work& more) {
    for (std::size_t i = 0; i < kUnits; ++i) times_[i] += more.times_[i];
    return *this;
  }
  bool operator==(const Work&) const = default;
  double Ns(const CostModel& model) const;

 private:
  std::array<double, kUnits> times_{};
};

}  // namespace granary::query
