#include "granary/query/optimizer/coefficients.h"

#include <iterator>

namespace granary::query {
namespace {

constexpr Coefficient kCoefficients[] = {
    {"chunk_ns", &CostModel::chunk_ns},
    {"decode_number_ns", &CostModel::decode_number_ns},
    {"decode_text_ns", &CostModel::decode_text_ns},
    {"cached_chunk_ns", &CostModel::cached_chunk_ns},
    {"row_group_ns", &CostModel::row_group_ns},
    {"check_number_ns", &CostModel::check_number_ns},
    {"check_text_ns", &CostModel::check_text_ns},
    {"check_pattern_ns", &CostModel::check_pattern_ns},
    {"check_json_ns", &CostModel::check_json_ns},
    {"index_lookup_ns", &CostModel::index_lookup_ns},
    {"index_row_ns", &CostModel::index_row_ns},
    {"bloom_lookup_ns", &CostModel::bloom_lookup_ns},
    {"pick_chunk_ns", &CostModel::pick_chunk_ns},
    {"pick_value_ns", &CostModel::pick_value_ns},
    {"hot_lookup_ns", &CostModel::hot_lookup_ns},
    {"metadata_ns", &CostModel::metadata_ns},
    {"merge_group_ns", &CostModel::merge_group_ns},
    {"take_value_ns", &CostModel::take_value_ns},
    {"order_row_ns", &CostModel::order_row_ns},
    {"group_row_ns", &CostModel::group_row_ns},
    {"aggregate_value_ns", &CostModel::aggregate_value_ns},
    {"worker_ns", &CostModel::worker_ns},
    {"page_look_ns", &CostModel::page_look_ns},
    {"page_chunk_ns", &CostModel::page_chunk_ns},
};
static_assert(std::size(kCoefficients) == kUnits);
// A price that CostModel gains belongs into the list above.
static_assert(sizeof(CostModel) == sizeof(std::string) + (kUnits + 1) * sizeof(double));

}  // namespace

std::span<const Coefficient> Coefficients() { return kCoefficients; }

std::optional<Unit> FindUnit(std::string_view name) {
  for (std::size_t i = 0; i < kUnits; ++i) {
    if (kCoefficients[i].name == name) return static_cast<Unit>(i);
  }
  return std::nullopt;
}

double Work::Ns(const CostModel& model) const {
  double ns = 0;
  for (std::size_t i = 0; i < kUnits; ++i) ns += times_[i] * (model.*kCoefficients[i].ns);
  return ns;
}

}  // namespace granary::query
