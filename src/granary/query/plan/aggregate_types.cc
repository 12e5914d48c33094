#include <array>

#include "granary/query/plan/requests.h"

namespace granary::query {
namespace {

/// In the order of the enum.
constexpr std::array<std::string_view, 14> kAggregateNames = {"count",
                                                              "sum",
                                                              "avg",
                                                              "min",
                                                              "max",
                                                              "count_distinct",
                                                              "approx_count_distinct",
                                                              "percentile",
                                                              "approx_percentile",
                                                              "stddev",
                                                              "variance",
                                                              "first",
                                                              "last",
                                                              "any"};

}  // namespace

std::optional<AggregateType> ParseAggregateType(std::string_view name) {
  for (std::size_t i = 0; i < kAggregateNames.size(); ++i) {
    if (kAggregateNames[i] == name) return static_cast<AggregateType>(i);
  }
  return std::nullopt;
}

std::string_view AggregateTypeName(AggregateType type) {
  return kAggregateNames[static_cast<std::size_t>(type)];
}

}  // namespace granary::query
