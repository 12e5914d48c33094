#include "granary/query/optimizer/filter_order.h"

#include <algorithm>

namespace granary::query {
namespace {

// A part that decides nothing comes last, the cheaper first.
constexpr double kLeastShare = 1e-6;

double CostPer(double share, double cost) {
  return cost / (share > kLeastShare ? std::min(share, 1.0) : kLeastShare);
}

}  // namespace

double RankInAnd(const PartRank& part) { return CostPer(1 - part.matches, part.cost_ns); }
double RankInOr(const PartRank& part) { return CostPer(part.matches, part.cost_ns); }

}  // namespace granary::query
