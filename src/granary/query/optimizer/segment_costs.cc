#include "granary/query/optimizer/segment_costs.h"

#include <algorithm>
#include <cmath>

namespace granary::query {
namespace {

/// How many of `bins` are met by `balls` that fall evenly.
double Met(double bins, double balls) {
  return bins <= 1 ? -std::expm1(-balls) * bins : -std::expm1(-balls / bins) * bins;
}

}  // namespace

SegmentCosts::SegmentCosts(const AccessShape& shape, const CostModel& model)
    : shape_(shape),
      model_(model),
      check_ns_(shape.filters ? shape.checks.Ns(model) : 0),
      row_ns_(std::max(
          check_ns_ + model.pick_value_ns * (shape.filter.count() + shape.rest.count()), kLeast)) {}

double SegmentCosts::Decode(const ColumnGroup& columns, double rows) const {
  return rows * (columns.numbers * model_.decode_number_ns + columns.texts * model_.decode_text_ns);
}

double SegmentCosts::ScanAllNs(const SegmentFacts& facts) const {
  const auto rows = static_cast<double>(facts.rows);
  const double groups = std::max<double>(static_cast<double>(facts.row_groups), 1);
  return rows * check_ns_ +
         groups * (model_.row_group_ns + shape_.filter.count() * model_.cached_chunk_ns);
}

Cost SegmentCosts::Scan(const SegmentFacts& facts, double wanted) const {
  const auto rows = static_cast<double>(facts.rows);
  const double groups = std::max<double>(static_cast<double>(facts.row_groups), 1);
  const double in_group = rows / groups;
  const double share = facts.all_match ? 1 : SaneShare(facts.matches);
  Cost cost;
  cost.examined = rows;
  if (shape_.limit && in_group > 0) {
    const double wanted_groups = std::ceil(wanted / std::max(share, kLeast) / in_group);
    cost.examined = std::min(rows, wanted_groups * in_group);
  }
  const double read = in_group > 0 ? cost.examined / in_group : 0;
  cost.rows = std::min(cost.examined * share, wanted);
  const double filters = facts.all_match ? 0 : shape_.filter.count();
  const double hit = facts.all_match ? 1 : -std::expm1(-share * in_group);
  const double chunks = read * (filters + hit * shape_.rest.count());
  cost.decoding = chunks * model_.chunk_ns + hit * Decode(shape_.rest, cost.examined) +
                  (facts.all_match ? 0 : Decode(shape_.filter, cost.examined));
  cost.ns = cost.decoding + chunks * model_.cached_chunk_ns + read * model_.row_group_ns +
            cost.rows * shape_.per_match_ns;
  if (!facts.all_match) {
    cost.ns += cost.examined * check_ns_ +
               cost.rows * model_.take_value_ns * (shape_.filter.count() + shape_.rest.count());
  }
  return cost;
}

Cost SegmentCosts::Probing(const SegmentFacts& facts, const Told& told, double wanted) const {
  Cost cost;
  const auto rows = static_cast<double>(facts.rows);
  if (!told.names_rows) {  // Nothing, or everything.
    cost = Scan(facts, wanted);
    cost.ns = told.ns + told.share * cost.ns;
    cost.decoding *= told.share;
    cost.examined *= told.share;
    return cost;
  }
  const double groups = std::max<double>(static_cast<double>(facts.row_groups), 1);
  const double named = told.share * rows;
  const double matching =
      facts.all_match ? named : std::min(named, SaneShare(facts.matches) * rows);
  cost.rows = std::min(matching, wanted);
  cost.examined = named;
  if (shape_.limit) cost.examined = std::min(named, wanted * named / std::max(matching, kLeast));
  const double met = Met(groups, cost.examined);
  const double filters = facts.all_match ? 0 : shape_.filter.count();
  const double columns = filters + shape_.rest.count();
  cost.decoding = met * columns * model_.chunk_ns + Decode(shape_.rest, rows * met / groups) +
                  (facts.all_match ? 0 : Decode(shape_.filter, rows * met / groups));
  cost.ns =
      told.ns + cost.decoding +
      met * (columns * (model_.cached_chunk_ns + model_.pick_chunk_ns) + model_.row_group_ns) +
      cost.examined * (filters * model_.pick_value_ns + (facts.all_match ? 0 : check_ns_)) +
      cost.rows * (shape_.rest.count() * model_.pick_value_ns + shape_.per_match_ns);
  return cost;
}

Cost SegmentCosts::First(const SegmentFacts& facts, double wanted) const {
  const auto orders = static_cast<double>(shape_.first_orders);
  const double rows =
      std::min(static_cast<double>(*shape_.first) * orders, static_cast<double>(facts.rows));
  Told told{.tells = true};
  told.share = facts.rows == 0 ? 0 : rows / static_cast<double>(facts.rows);
  told.ns = orders * model_.index_lookup_ns + rows * model_.index_row_ns;
  return Probing(facts, told, wanted);
}

// As Scan, of fewer rows. Who reads pages has no more than an estimate of them, unless somebody
// looked: then what they cost is at worst what a scan does and the looking.
Cost SegmentCosts::Pages(const SegmentFacts& facts, const PageFacts& pages, double wanted) const {
  const auto rows = static_cast<double>(facts.rows);
  const double kept = std::clamp(pages.rows, 0.0, rows);
  const double groups = std::max(pages.row_groups, kept > 0 ? 1.0 : 0.0);
  const double in_group = groups > 0 ? kept / groups : 0;
  const double share = kept > 0 ? std::min(SaneShare(facts.matches) * rows / kept, 1.0) : 0;
  Cost cost;
  cost.examined = kept;
  if (shape_.limit && in_group > 0) {
    const double wanted_groups = std::ceil(wanted / std::max(share, kLeast) / in_group);
    cost.examined = std::min(kept, wanted_groups * in_group);
  }
  const double read = in_group > 0 ? cost.examined / in_group : 0;
  cost.rows = std::min(cost.examined * share, wanted);
  const double hit = -std::expm1(-share * in_group);
  const double chunks = read * (shape_.filter.count() + hit * shape_.rest.count());
  cost.decoding = chunks * (model_.chunk_ns + model_.page_chunk_ns) +
                  hit * Decode(shape_.rest, cost.examined) + Decode(shape_.filter, cost.examined);
  cost.ns =
      pages.total * shape_.comparisons * model_.page_look_ns + cost.decoding +
      chunks * model_.cached_chunk_ns + read * model_.row_group_ns + cost.examined * check_ns_ +
      // Of what is decoded already these rows are copied.
      cost.examined * model_.take_value_ns * (shape_.filter.count() + hit * shape_.rest.count()) +
      cost.rows * (shape_.per_match_ns +
                   model_.take_value_ns * (shape_.filter.count() + shape_.rest.count()));
  return cost;
}

Picking SegmentCosts::PickingIn(const SegmentFacts& facts) const {
  const double columns = shape_.filter.count() + shape_.rest.count();
  return {
      .row_ns = row_ns_,
      .group_ns = model_.row_group_ns + columns * (model_.cached_chunk_ns + model_.pick_chunk_ns),
      .groups = std::max<double>(static_cast<double>(facts.row_groups), 1)};
}

double Picking::RowsFor(double ns) const {
  const double all_groups = groups * (row_ns + group_ns);
  return ns <= all_groups ? ns / (row_ns + group_ns) : (ns - groups * group_ns) / row_ns;
}

}  // namespace granary::query
