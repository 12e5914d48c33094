#include "granary/storage/source/schema_change.h"

#include <fmt/format.h>

#include "granary/storage/manifest/findings.h"
#include "granary/types/widening.h"

namespace granary::storage {
namespace {

// Unknown bounds prove nothing.
bool HoldsAll(const ColumnStats& stats, const DataType& from, const DataType& to) {
  if (stats.rows == 0 || stats.nulls == stats.rows) return true;
  return !IsNull(stats.min) && !IsNull(stats.max) && HoldsBetween(stats.min, stats.max, from, to);
}

bool IsPeriod(const Transform& transform) {
  return transform.kind >= TransformKind::kYear && transform.kind <= TransformKind::kHour;
}

// Partition values are kept in the column's domain; one of another kind would no longer compare.
// Periods count from 1970 whatever the unit.
bool KeepsKeys(const Transform& transform, const DataType& from, const DataType& to) {
  if (IsPeriod(transform)) return true;
  return from.IsInteger() && to.IsInteger() && from.IsUnsigned() == to.IsUnsigned();
}

Status AtColumn(const Column& column, std::string detail) {
  return Status::Invalid(Code::kInvalidRecord, "/" + PointerStep(column.name), std::move(detail));
}

Status CheckPartitions(const Column& column, const DataType& to, const PartitionSpec& partitions) {
  for (const PartitionField& field : partitions) {
    if (field.column != column.id || KeepsKeys(field.transform, column.type, to)) continue;
    return AtColumn(
        column, fmt::format("the column divides the source into partitions and stays {}: not {}",
                            column.type.ToString(), to.ToString()));
  }
  return Status::Ok();
}

}  // namespace

bool IsSuccessor(const Schema& current, const Schema& next) {
  if (next.version() <= current.version() || next.last_id() < current.last_id()) return false;
  std::size_t kept = 0;
  for (const Column& column : next.columns()) {
    const Column* before = current.FindId(column.id);
    if (before == nullptr) {
      if (column.id <= current.last_id()) return false;
      continue;
    }
    if (before->name != column.name || WideningOf(before->type, column.type) == Widening::kNever)
      return false;
    ++kept;
  }
  return kept == current.columns().size();
}

Status CheckWidenings(const Schema& current, const Schema& next, const PartitionSpec& partitions,
                      const CurrentStats& stats) {
  for (const Column& column : current.columns()) {
    const Column* after = next.FindId(column.id);
    if (after == nullptr || after->type == column.type) continue;
    const DataType& to = after->type;
    GRANARY_TRY(CheckPartitions(column, to, partitions));
    if (WideningOf(column.type, to) != Widening::kWhileExact) continue;
    GRANARY_ASSIGN(const ColumnStats known, stats(column.id));
    if (!HoldsAll(known, column.type, to)) {
      return AtColumn(column,
                      fmt::format("the column stays {}: it holds values that {} cannot hold",
                                  column.type.ToString(), to.ToString()));
    }
  }
  return Status::Ok();
}

}  // namespace granary::storage
