// The steps of a plan that read one source, and why its segments were pruned.
//
// Threads    pure functions.
#pragma once

#include <string>
#include <vector>

#include "granary/query/exec/explain.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/source_scan.h"

namespace granary::query {

inline constexpr double kNsInMs = 1e6;
inline constexpr double kNsInCost = 1e3;  ///< Costs are microseconds.

PlanStep SourceStep(const SourceScan& scan, const PlanRecord::OfSource& record, Analyze analyze);

/// The plans that were not taken, as far as they concern one source. `others_ns` is the chosen plan
/// without it.
void AddRejected(const SourceScan& scan, const AccessPlan& plan, double others_ns,
                 std::vector<RejectedPlan>& rejected);

void AddPruned(const SourceScan& scan, const AccessPlan& plan, PruningReport& report);

/// Statistics of the filter's columns that were not believed, and why.
void AddDistrusted(const SourceScan& scan, std::vector<std::string>& distrusted);
/// Estimates that queries have shown to be far off.
void AddCorrected(const SourceScan& scan, const AccessPlan& plan,
                  std::vector<std::string>& distrusted);

/// "of 1,234 rows": whole numbers without digits that mean nothing.
std::string CountText(double rows);

}  // namespace granary::query
