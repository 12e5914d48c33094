// PartitionMayMatch (partition.h): a partition's key says what its columns' values can be; as
// statistics, that is all that pruning needs. Only buckets are different: a key says nothing of
// order there, so the literals of other buckets are struck out of the predicate instead.
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "granary/base/check.h"
#include "granary/storage/partition/bucket_hash.h"
#include "granary/storage/partition/civil_time.h"
#include "granary/storage/partition/partition.h"
#include "granary/storage/partition/truncate.h"
#include "granary/storage/stats/byte_bounds.h"
#include "granary/storage/stats/prune.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::storage {
namespace {

using Kind = Predicate::Kind;
using KnownColumns = std::map<ColumnId, ColumnStats>;

constexpr std::int64_t kLongMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLongMax = std::numeric_limits<std::int64_t>::max();

/// One row stands for all: only the bounds and whether there are nulls count.
ColumnStats NoNulls() { return {.rows = 1, .nulls = 0, .may_have_nan = false}; }

ColumnStats OfOneValue(const Value& key) {
  ColumnStats stats = NoNulls();
  const auto* real = std::get_if<double>(&key);
  stats.may_have_nan = real != nullptr && std::isnan(*real);
  if (!stats.may_have_nan) stats.min = stats.max = key;
  stats.values = std::vector<Value>{key};
  return stats;
}

Value Clamp(Int128 instant) {
  if (instant < kLongMin) return kLongMin;
  return instant > kLongMax ? kLongMax : static_cast<std::int64_t>(instant);
}

ColumnStats OfPeriod(TransformKind kind, const DataType& type, std::int64_t period) {
  ColumnStats stats = NoNulls();
  const TimeScale scale = ScaleOf(type);
  stats.min = Clamp(StartOfPeriod(kind, period, scale));
  stats.max = Clamp(StartOfPeriod(kind, period + 1, scale) - 1);
  return stats;
}

ColumnStats OfTruncatedBytes(const DataType& type, const std::string& key, std::uint32_t width) {
  const bool is_text = type.kind() == TypeKind::kString;
  const bool may_be_longer = is_text ? IsFullWidth(key, width) : key.size() >= width;
  if (!may_be_longer) return OfOneValue(key);
  ColumnStats stats = NoNulls();
  stats.min = key;
  const auto above = PrefixSuccessor(key, is_text ? BytesKind::kText : BytesKind::kBinary);
  if (above) stats.max = *above;
  return stats;
}

ColumnStats OfTruncated(const DataType& type, const Value& key, std::uint32_t width) {
  if (const auto* bytes = std::get_if<std::string>(&key))
    return OfTruncatedBytes(type, *bytes, width);
  ColumnStats stats = NoNulls();
  stats.min = key;
  if (const auto* integer = std::get_if<std::int64_t>(&key)) {
    stats.max = Clamp(Int128{*integer} + width - 1);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&key)) {
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - *natural;
    stats.max = *natural + std::min<std::uint64_t>(room, width - 1);
  } else if (const auto* unscaled = std::get_if<Int128>(&key)) {
    stats.max = *unscaled + width - 1;
  }
  return stats;
}

/// Of the column's values, in the type that they had when the key was made.
ColumnStats StatsOfKey(const Transform& transform, const DataType& type, const Value& key) {
  if (IsNull(key)) return {.rows = 1, .nulls = 1, .may_have_nan = false};
  switch (transform.kind) {
    case TransformKind::kIdentity: return OfOneValue(key);
    case TransformKind::kTruncate: return OfTruncated(type, key, transform.parameter);
    case TransformKind::kBucket: return NoNulls();
    default: return OfPeriod(transform.kind, type, std::get<std::int64_t>(key));
  }
}

/// What both say of one column.
ColumnStats Tighter(ColumnStats a, const ColumnStats& b) {
  if (IsNull(a.min) || (!IsNull(b.min) && Compare(b.min, a.min) > 0)) a.min = b.min;
  if (IsNull(a.max) || (!IsNull(b.max) && Compare(b.max, a.max) < 0)) a.max = b.max;
  if (!a.values) a.values = b.values;
  return a;
}

/// The column's type in the predicate; nothing when no leaf reads it.
const DataType* FindType(const Predicate& predicate, ColumnId column) {
  for (const Predicate& child : predicate.children) {
    if (const DataType* type = FindType(child, column)) return type;
  }
  const bool is_leaf = predicate.kind > Kind::kConstant;
  return is_leaf && predicate.column == column ? &predicate.type : nullptr;
}

/// Integers of any width have one hash; any other widening changes it.
bool HashesAlike(const DataType& a, const DataType& b) {
  const auto is_long = [](const DataType& t) {
    return t.IsInteger() && t.kind() != TypeKind::kUInt64;
  };
  return a == b || (is_long(a) && is_long(b));
}

/// Strikes out the literals that lie in other buckets.
void KeepBucket(const PartitionField& field, const DataType& written, std::int64_t bucket,
                Predicate& predicate) {
  for (Predicate& child : predicate.children) KeepBucket(field, written, bucket, child);
  const bool is_point = predicate.kind == Kind::kEqual || predicate.kind == Kind::kIn;
  if (!is_point || predicate.column != field.column || !predicate.path.empty() ||
      !HashesAlike(written, predicate.type)) {
    return;
  }
  predicate.kind = Kind::kIn;
  std::erase_if(predicate.values, [&](const Value& literal) {
    return !IsNull(literal) &&
           BucketOf(BucketHash(predicate.type, literal), field.transform.parameter) != bucket;
  });
}

bool MayBeWidened(const DataType& type) {
  return type.kind() == TypeKind::kDecimal ||
         (type.kind() == TypeKind::kTimestamp && type.unit() <= TimeUnit::kMilli);
}

/// True when the key has the form that its transform gives for that type.
bool Fits(const Transform& transform, const DataType& type, const Value& key) {
  if (IsNull(key)) return true;
  const bool keeps_domain =
      transform.kind == TransformKind::kIdentity || transform.kind == TransformKind::kTruncate;
  if (!keeps_domain || type.IsTemporal()) return std::holds_alternative<std::int64_t>(key);
  if (type.IsUnsigned()) return std::holds_alternative<std::uint64_t>(key);
  if (type.IsInteger()) return std::holds_alternative<std::int64_t>(key);
  if (type.IsFloat()) return std::holds_alternative<double>(key);
  if (type.kind() == TypeKind::kDecimal) return std::holds_alternative<Int128>(key);
  if (type.kind() == TypeKind::kBool) return std::holds_alternative<bool>(key);
  return type.IsBytes() && std::holds_alternative<std::string>(key);
}

/// `find_written` gives the type that the values of a field had, or nothing when that is not sure.
template <typename FindWritten>
bool MayMatch(const PartitionSpec& spec, const PartitionKey& key, Predicate predicate,
              const FindWritten& find_written) {
  GRANARY_CHECK(spec.size() == key.size(), "{} fields, {} values", spec.size(), key.size());
  KnownColumns known;
  for (std::size_t i = 0; i < spec.size(); ++i) {
    const PartitionField& field = spec[i];
    const DataType* found = FindType(predicate, field.column);
    if (found == nullptr) continue;
    const DataType type = *found;
    const DataType* written = IsNull(key[i]) ? &type : find_written(field, type);
    if (written == nullptr || !Fits(field.transform, *written, key[i])) continue;
    if (field.transform.kind == TransformKind::kBucket && !IsNull(key[i])) {
      KeepBucket(field, *written, std::get<std::int64_t>(key[i]), predicate);
    }
    ColumnStats stats = ConvertStats(StatsOfKey(field.transform, *written, key[i]), *written, type);
    const auto [entry, added] = known.try_emplace(field.column, stats);
    if (!added) entry->second = Tighter(std::move(entry->second), stats);
  }
  return PossibleOutcomes(predicate,
                          [&known](ColumnId column) -> const ColumnStats* {
                            const auto entry = known.find(column);
                            return entry == known.end() ? nullptr : &entry->second;
                          })
      .may_be_true;
}

}  // namespace

bool PartitionMayMatch(const PartitionSpec& spec, const PartitionKey& key, const Schema& written,
                       const Predicate& predicate) {
  return MayMatch(spec, key, predicate, [&](const PartitionField& field, const DataType&) {
    const Column* column = written.FindId(field.column);
    return column == nullptr ? nullptr : &column->type;
  });
}

bool PartitionMayMatch(const PartitionSpec& spec, const PartitionKey& key,
                       const Predicate& predicate) {
  return MayMatch(spec, key, predicate, [](const PartitionField& field, const DataType& type) {
    const bool is_period = field.transform.kind >= TransformKind::kYear &&
                           field.transform.kind <= TransformKind::kHour;
    return MayBeWidened(type) && !is_period ? nullptr : &type;
  });
}

}  // namespace granary::storage
