#include "granary/query/optimizer/cost_model.h"

namespace granary::query {

CostModel Sound(CostModel model) {
  for (double* ns : {&model.chunk_ns,        &model.decode_number_ns,   &model.decode_text_ns,
                     &model.cached_chunk_ns, &model.row_group_ns,       &model.check_number_ns,
                     &model.check_text_ns,   &model.check_pattern_ns,   &model.check_json_ns,
                     &model.index_lookup_ns, &model.index_row_ns,       &model.bloom_lookup_ns,
                     &model.pick_value_ns,   &model.hot_lookup_ns,      &model.metadata_ns,
                     &model.merge_group_ns,  &model.take_value_ns,      &model.order_row_ns,
                     &model.group_row_ns,    &model.aggregate_value_ns, &model.worker_ns,
                     &model.page_look_ns,    &model.page_chunk_ns,      &model.tie_ns})
    *ns = CostModel::Cost(*ns);
  return model;
}

}  // namespace granary::query
