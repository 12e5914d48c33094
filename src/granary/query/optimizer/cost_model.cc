#include "granary/query/optimizer/cost_model.h"

#include "granary/query/optimizer/coefficients.h"

namespace granary::query {

CostModel Sound(CostModel model) {
  for (const Coefficient& each : Coefficients()) model.*each.ns = CostModel::Cost(model.*each.ns);
  model.tie_ns = CostModel::Cost(model.tie_ns);
  return model;
}

}  // namespace granary::query
