// CostModel: what a unit of work costs, in nanoseconds. A plan's cost is its work, estimated from
// statistics, times these.
//
// Values     set by hand, of the right order, and not fitted to a machine: what counts is how they
//            compare with each other. Another model is another value of this struct: whoever plans
//            is handed one.
// Promise    a model decides what a query costs and never what it answers; one with values that are
//            no costs (below zero, NaN) is read as if they were zero (Cost()).
#pragma once

#include <string>

namespace granary::query {

struct CostModel {
  std::string version = "builtin-1";

  // Parquet to memory.
  double chunk_ns = 14'000;       ///< Per column of a row group, however small: open, read, check.
  double decode_number_ns = 1.6;  ///< Per value of a fixed length.
  double decode_text_ns = 4.5;    ///< Per string, which mostly stays a code of its dictionary.
  double cached_chunk_ns = 300;   ///< Per column of a row group that the column cache has.
  double row_group_ns = 4'000;    ///< Per row group or hot chunk that is worked on.

  // Filters, per row and comparison.
  double check_number_ns = 0.8;
  double check_text_ns = 2.5;
  double check_pattern_ns = 25;
  double check_json_ns = 350;

  // Indexes.
  double index_lookup_ns = 2'200;  ///< From the root to a leaf, blocks in their cache.
  double index_row_ns = 6;       ///< Per row that an index names, its place in the order included.
  double bloom_lookup_ns = 220;  ///< Per value.
  double pick_chunk_ns = 1'700;  ///< Per column of a row group that rows are picked out of.
  double pick_value_ns = 12;     ///< Per value of such a row.
  double hot_lookup_ns = 150;    ///< Per value, in the hash index of a hot chunk.

  // Page indexes.
  double page_look_ns = 60;       ///< Per page and comparison with its bounds.
  double page_chunk_ns = 12'000;  ///< Per column of a row group of which some pages are read.

  // Statistics and kept states.
  double metadata_ns = 450;    ///< Per segment that its statistics answer for.
  double merge_group_ns = 60;  ///< Per group of a kept state, for its key and for each aggregate.

  // What comes after the scan, per row.
  double take_value_ns = 3;         ///< Per value of a matching row of a scan.
  double order_row_ns = 45;         ///< To rank a row by its keys.
  double group_row_ns = 4;          ///< To find the group of a row, per column of the groups.
  double aggregate_value_ns = 1.5;  ///< Per row and aggregate.

  // Threads.
  double worker_ns = 30'000;  ///< To call another worker.

  /// A way that does not read everything is taken when it costs up to so much more than reading
  /// everything: estimates are no better than that, and it examines fewer rows.
  double tie_ns = 6'000;

  /// For models from outside: `ns`, or 0 where that is no cost.
  static double Cost(double ns) { return ns >= 0 && ns < 1e15 ? ns : 0; }
};

/// The same with every value a cost.
CostModel Sound(CostModel model);

}  // namespace granary::query
