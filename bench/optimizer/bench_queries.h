// Queries for the optimizer: conjunctions and disjunctions over the columns of a BenchSource, from
// one row to most of them, random and the same for a seed.
//
// Threads    pure.
#pragma once

#include <cstdint>
#include <vector>

#include "bench_source.h"
#include "granary/query/plan/requests.h"

namespace granary::bench {

std::vector<query::SearchRequest> BenchQueries(const BenchSource& source, std::size_t count,
                                               std::uint64_t seed);

}  // namespace granary::bench
