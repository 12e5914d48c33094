// Whether a schema may follow another one. Pure.
#pragma once

#include <functional>

#include "granary/base/status.h"
#include "granary/storage/partition/partition.h"
#include "granary/types/column_stats.h"
#include "granary/types/schema.h"

namespace granary::storage {

/// True when `next` keeps every column of `current` (wider at most) and gives new ones ids that
/// were never used. A schema that a parser made of an older one fails this once another write was
/// quicker.
bool IsSuccessor(const Schema& current, const Schema& next);

/// Statistics of a column in the current schema, over all records that were accepted so far.
using CurrentStats = std::function<Result<ColumnStats>(ColumnId)>;

/// kInvalidRecord when the change would make stored values inexact (integers beyond 2^53 as
/// float64, instants beyond what a finer unit reaches) or move records between partitions; its one
/// FieldError points at the column by its name in `current`: "/amount". `stats` is asked only when
/// it matters; its failure is passed on. Columns that `next` lacks are passed over.
Status CheckWidenings(const Schema& current, const Schema& next, const PartitionSpec& partitions,
                      const CurrentStats& stats);

}  // namespace granary::storage
