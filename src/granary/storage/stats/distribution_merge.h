// MergeDistributions: the distribution of the union of sets of rows.
//
// Error      each bucket of an input counts half at its lower bound and half at its upper one, so a
//            rank moves by half a bucket of each input at most: 1 / (2 kHistogramBuckets) of all
//            rows, and by as much again when the new buckets are cut. What an input does not list
//            as common stays in its buckets, so a merged common value counts at least the rows
//            where it was listed. Merge all inputs at once: the error does not grow with their
//            number.
// Partial    inputs of which nothing is known are left out, as long as the others describe half of
//            all values or more; what is described says how many.
// Threads    pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "granary/storage/stats/distribution.h"

namespace granary::storage {

/// `distinct` different values are in all of them together, if that is known. Inputs are of one
/// kind of values; others are left out.
Distribution MergeDistributions(std::span<const Distribution> inputs,
                                std::optional<double> distinct);

/// What `stats` know of their distribution: nothing when that is unknown, does not decode, or does
/// not fit the rest of them; then `reason` says why, and is empty when there is none.
std::optional<Distribution> DistributionOf(const ColumnStats& stats, std::string& reason);

}  // namespace granary::storage
