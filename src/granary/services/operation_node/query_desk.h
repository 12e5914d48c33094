// QueryDesk: what queries over several tenants share.
//
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <utility>

#include "granary/hosting/metrics.h"
#include "granary/io/clock.h"
#include "granary/runtime/memory_budget.h"
#include "granary/services/operation_node/node_link.h"
#include "granary/services/operation_node/query_cursor.h"

namespace granary::operation {

struct QueryLimits {
  std::uint64_t tenants_max = 100;              ///< MAX_QUERY_TENANTS
  std::uint64_t fan_out = 16;                   ///< QUERY_FAN_OUT
  std::uint64_t node_bytes_max = 16u << 20;     ///< QUERY_NODE_BUFFER_MB
  std::uint64_t memory_bytes_max = 512u << 20;  ///< QUERY_MERGE_MEMORY_MB, of all queries
  std::uint64_t page_records_max = 10'000;      ///< MAX_PAGE_RECORDS
};

struct QueryDesk {
  QueryDesk(const QueryLimits& chosen, NodeTokens& tokens, net::UpstreamOptions upstream,
            std::string cursor_key, hosting::Metrics& metrics)
      : limits(chosen),
        jwks(tokens.Jwks()),
        links(tokens, upstream),
        seal(std::move(cursor_key)),
        memory("queries over tenants", chosen.memory_bytes_max),
        parts(metrics.NewCounter("granary_query_parts_total",
                                 "Nodes asked for their part of a query over tenants")),
        part_failures(metrics.NewCounter("granary_query_part_failures_total",
                                         "Parts of queries over tenants that failed")),
        part_micros(metrics.NewCounter("granary_query_part_microseconds_total",
                                       "Time that parts of queries over tenants took")),
        rows_merged(metrics.NewCounter("granary_query_rows_merged_total",
                                       "Rows of nodes in answers over tenants")),
        states_merged(metrics.NewCounter("granary_query_state_pages_merged_total",
                                         "Pages of groups of nodes in answers over tenants")) {}

  const QueryLimits limits;
  const std::string jwks;  ///< Public: what nodes check our tokens with.
  NodeLinks links;
  const QueryCursorSeal seal;
  runtime::MemoryBudget memory;
  hosting::Counter& parts;
  hosting::Counter& part_failures;
  hosting::Counter& part_micros;
  hosting::Counter& rows_merged;
  hosting::Counter& states_merged;
};

}  // namespace granary::operation
