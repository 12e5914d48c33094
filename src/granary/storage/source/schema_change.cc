#include "granary/storage/source/schema_change.h"

#include <fmt/format.h>

#include <algorithm>

namespace granary::storage {
namespace {

constexpr std::int64_t kExactInFloat64 = std::int64_t{1} << 53;

bool MayFollow(const DataType& from, const DataType& to) {
  if (from == to || IsSafeWidening(from, to)) return true;
  return from.IsInteger() && to.kind() == TypeKind::kFloat64;
}

// The bounds of an integer column; unknown ones are not exact.
bool IsExactBound(const Value& bound) {
  if (const auto* value = std::get_if<std::int64_t>(&bound))
    return *value >= -kExactInFloat64 && *value <= kExactInFloat64;
  if (const auto* value = std::get_if<std::uint64_t>(&bound))
    return *value <= static_cast<std::uint64_t>(kExactInFloat64);
  return false;
}

bool HoldsInFloat64(const ColumnStats& stats) {
  if (stats.rows == 0 || stats.nulls == stats.rows) return true;
  return IsExactBound(stats.min) && IsExactBound(stats.max);
}

// Partition values are kept in the column's domain; one of another kind would no longer compare.
bool SameDomain(const DataType& from, const DataType& to) {
  return from.IsInteger() && to.IsInteger() && from.IsUnsigned() == to.IsUnsigned();
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
    if (before->name != column.name || !MayFollow(before->type, column.type)) return false;
    ++kept;
  }
  return kept == current.columns().size();
}

Status CheckWidenings(const Schema& current, const Schema& next, const PartitionSpec& partitions,
                      const CurrentStats& stats) {
  for (const Column& column : current.columns()) {
    const DataType& to = next.FindId(column.id)->type;
    if (to == column.type) continue;
    const auto divides = [&](const PartitionField& field) { return field.column == column.id; };
    if (std::any_of(partitions.begin(), partitions.end(), divides) &&
        !SameDomain(column.type, to)) {
      return {
          Code::kInvalidRecord,
          fmt::format("column \"{}\" divides the source into partitions and stays {}: {} was sent",
                      column.name, column.type.ToString(), to.ToString())};
    }
    const bool to_float =
        column.type.IsInteger() && to.IsFloat() && !IsSafeWidening(column.type, to);
    if (!to_float) continue;
    GRANARY_ASSIGN(const ColumnStats known, stats(column.id));
    if (!HoldsInFloat64(known)) {
      return {
          Code::kInvalidRecord,
          fmt::format("column \"{}\" stays {}: it holds integers that float64 cannot hold exactly",
                      column.name, column.type.ToString())};
    }
  }
  return Status::Ok();
}

}  // namespace granary::storage
