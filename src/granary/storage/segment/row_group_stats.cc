#include "granary/storage/segment/row_group_stats.h"

#include <cmath>
#include <optional>
#include <string>
#include <tuple>

namespace granary::storage {
namespace {

using Bounds = std::pair<Value, Value>;

template <typename Stats>
Bounds Signed(const parquet::Statistics& stats) {
  const auto& typed = static_cast<const Stats&>(stats);
  return {static_cast<std::int64_t>(typed.min()), static_cast<std::int64_t>(typed.max())};
}

template <typename Stats, typename Native>
Bounds Unsigned(const parquet::Statistics& stats) {
  const auto& typed = static_cast<const Stats&>(stats);
  return {Value(static_cast<std::uint64_t>(static_cast<Native>(typed.min()))),
          Value(static_cast<std::uint64_t>(static_cast<Native>(typed.max())))};
}

template <typename Stats>
Bounds Floating(const parquet::Statistics& stats) {
  const auto& typed = static_cast<const Stats&>(stats);
  if (std::isnan(typed.min()) || std::isnan(typed.max())) return {};
  return {Value(static_cast<double>(typed.min())), Value(static_cast<double>(typed.max()))};
}

// Big-endian two's complement of up to 16 bytes.
Value DecimalOf(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > sizeof(Int128)) return {};
  UInt128 value = static_cast<signed char>(bytes[0]) < 0 ? ~UInt128{0} : UInt128{0};
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<Int128>(value);
}

Value Widened(const Value& value) {
  return IsNull(value) ? Value{} : Value(static_cast<Int128>(std::get<std::int64_t>(value)));
}

/// Short decimals are stored as integers.
Bounds Decimals(const parquet::Statistics& stats) {
  Bounds bounds;
  switch (stats.physical_type()) {
    case parquet::Type::INT32: bounds = Signed<parquet::Int32Statistics>(stats); break;
    case parquet::Type::INT64: bounds = Signed<parquet::Int64Statistics>(stats); break;
    default: return {DecimalOf(stats.EncodeMin()), DecimalOf(stats.EncodeMax())};
  }
  return {Widened(bounds.first), Widened(bounds.second)};
}

/// The unit that the file has a timestamp in; nothing for plain integers, which are in the
/// column's.
std::optional<TimeUnit> StoredUnit(const parquet::ColumnDescriptor& column) {
  const auto& logical = column.logical_type();
  if (logical == nullptr || !logical->is_timestamp()) return std::nullopt;
  switch (static_cast<const parquet::TimestampLogicalType&>(*logical).time_unit()) {
    case parquet::LogicalType::TimeUnit::MILLIS: return TimeUnit::kMilli;
    case parquet::LogicalType::TimeUnit::MICROS: return TimeUnit::kMicro;
    case parquet::LogicalType::TimeUnit::NANOS: return TimeUnit::kNano;
    default: return std::nullopt;
  }
}

Value InUnit(const Value& value, TimeUnit from, TimeUnit to) {
  return ConvertValue(value, DataType::Timestamp(from), DataType::Timestamp(to)).value_or(Value{});
}

Bounds Timestamps(const parquet::Statistics& stats, TimeUnit unit) {
  const Bounds stored = Signed<parquet::Int64Statistics>(stats);
  const TimeUnit from = StoredUnit(*stats.descr()).value_or(unit);
  return {InUnit(stored.first, from, unit), InUnit(stored.second, from, unit)};
}

Bounds BoundsOf(const parquet::Statistics& stats, const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kBool: {
      const auto& typed = static_cast<const parquet::BoolStatistics&>(stats);
      return {Value(typed.min()), Value(typed.max())};
    }
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kDate: return Signed<parquet::Int32Statistics>(stats);
    case TypeKind::kInt64:
    case TypeKind::kTime: return Signed<parquet::Int64Statistics>(stats);
    case TypeKind::kTimestamp: return Timestamps(stats, type.unit());
    case TypeKind::kUInt8:
    case TypeKind::kUInt16:
    case TypeKind::kUInt32: return Unsigned<parquet::Int32Statistics, std::uint32_t>(stats);
    case TypeKind::kUInt64: return Unsigned<parquet::Int64Statistics, std::uint64_t>(stats);
    case TypeKind::kFloat32: return Floating<parquet::FloatStatistics>(stats);
    case TypeKind::kFloat64: return Floating<parquet::DoubleStatistics>(stats);
    case TypeKind::kDecimal: return Decimals(stats);
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kJson:
    case TypeKind::kUuid: return {Value(stats.EncodeMin()), Value(stats.EncodeMax())};
    case TypeKind::kList: return {};
  }
  return {};
}

bool PhysicalTypeFits(parquet::Type::type physical, const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kBool: return physical == parquet::Type::BOOLEAN;
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kUInt8:
    case TypeKind::kUInt16:
    case TypeKind::kUInt32:
    case TypeKind::kDate: return physical == parquet::Type::INT32;
    case TypeKind::kInt64:
    case TypeKind::kUInt64:
    case TypeKind::kTimestamp:
    case TypeKind::kTime: return physical == parquet::Type::INT64;
    case TypeKind::kFloat32: return physical == parquet::Type::FLOAT;
    case TypeKind::kFloat64: return physical == parquet::Type::DOUBLE;
    case TypeKind::kDecimal:
      return physical == parquet::Type::INT32 || physical == parquet::Type::INT64 ||
             physical == parquet::Type::FIXED_LEN_BYTE_ARRAY;
    case TypeKind::kUuid: return physical == parquet::Type::FIXED_LEN_BYTE_ARRAY;
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kJson: return physical == parquet::Type::BYTE_ARRAY;
    case TypeKind::kList: return false;
  }
  return false;
}

}  // namespace

ColumnStats StatsOf(const parquet::Statistics& stats, std::int64_t rows, const DataType& type) {
  ColumnStats out;
  out.rows = static_cast<std::uint64_t>(rows);
  out.may_have_nan = type.IsFloat();  // Parquet's bounds leave NaN out and do not tell.
  if (type.kind() == TypeKind::kList || !PhysicalTypeFits(stats.physical_type(), type)) return out;
  if (stats.HasNullCount()) out.nulls = static_cast<std::uint64_t>(stats.null_count());
  if (!stats.HasMinMax()) return out;
  std::tie(out.min, out.max) = BoundsOf(stats, type);
  out.min_exact = !IsNull(out.min) && stats.is_min_value_exact().value_or(true);
  out.max_exact =
      !IsNull(out.max) && !out.may_have_nan && stats.is_max_value_exact().value_or(true);
  return out;
}

ColumnStats ChunkStats(const parquet::ColumnChunkMetaData& chunk, std::int64_t rows,
                       const DataType& type) {
  ColumnStats unknown;
  unknown.rows = static_cast<std::uint64_t>(rows);
  unknown.may_have_nan = type.IsFloat();
  if (type.kind() == TypeKind::kList || !chunk.is_stats_set()) return unknown;
  const auto stats = chunk.statistics();
  return stats == nullptr ? unknown : StatsOf(*stats, rows, type);
}

}  // namespace granary::storage
