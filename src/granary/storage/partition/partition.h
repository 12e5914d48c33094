// Partitioning: which group of a source's files a record belongs to, by transforms as in Iceberg
// (https://iceberg.apache.org/spec/#partition-transforms).
//
// Shape      identity keeps the value; year/month/day/hour count from 1970; bucket[N] is Murmur3 of
//            the value's Iceberg bytes, modulo N (timestamps as µs, uint64 as decimal(20,0));
//            truncate[W] floors numbers to a multiple of W and cuts strings to W code points,
//            binary to W bytes. The transform of a null is null, and null is a partition of its
//            own.
// Threads    const from many.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/predicate.h"
#include "granary/types/schema.h"
#include "granary/types/value.h"

namespace granary::storage {

enum class TransformKind : std::uint8_t {
  kIdentity,
  kYear,
  kMonth,
  kDay,
  kHour,
  kBucket,
  kTruncate
};

struct Transform {
  TransformKind kind = TransformKind::kIdentity;
  std::uint32_t parameter = 0;  ///< N of bucket[N], W of truncate[W]; 1 to 2^31 - 1.

  static Result<Transform> Parse(
      std::string_view text);  ///< kInvalidDefinition lists what is known.
  std::string ToString() const;
  bool operator==(const Transform&) const = default;
};

struct PartitionField {
  ColumnId column = 0;
  Transform transform;
  bool operator==(const PartitionField&) const = default;
};

using PartitionSpec = std::vector<PartitionField>;
/// One value a field: int64 for year…hour and bucket, the column's own domain for identity and
/// truncate.
using PartitionKey = std::vector<Value>;

/// `day` for date and timestamp columns, `identity` for any other.
Transform DefaultTransform(const DataType& type);
/// kInvalidDefinition unless the type has that transform.
Status CheckTransform(const Transform& transform, const DataType& type);
Value ApplyTransform(const Transform& transform, const DataType& type, const Value& value);

struct PartitionGroup {
  PartitionKey key;
  std::shared_ptr<arrow::Int64Array> rows;  ///< Positions in the batch, ascending.
};
/// Splits a batch (in `schema`'s columns) into its partitions, ordered by key. An empty spec gives
/// one group.
Result<std::vector<PartitionGroup>> SplitByPartition(const PartitionSpec& spec,
                                                     const Schema& schema,
                                                     const arrow::RecordBatch& batch);

/// "order_date_day=2024-01-15/region=eu%2Fwest": a relative folder path. Escapes everything but
/// [A-Za-z0-9_-.] in names and values, so that no value leaves its folder and names that differ
/// stay apart; null is "__null__" (that very text has its first letter escaped); a part longer than
/// 200 bytes becomes its prefix, "~" and a hash. `schema` is the one that the key was made under.
std::string PartitionPath(const PartitionSpec& spec, const Schema& schema, const PartitionKey& key);

/// False only when no record of that partition can make `predicate` true. `written` is the schema
/// that the key was made under (a segment's file schema): the predicate's column may have been
/// widened since.
bool PartitionMayMatch(const PartitionSpec& spec, const PartitionKey& key, const Schema& written,
                       const Predicate& predicate);
/// The same without that schema: says less about columns whose type may be a widened one (decimal,
/// datetime64[s] and [ms]).
bool PartitionMayMatch(const PartitionSpec& spec, const PartitionKey& key,
                       const Predicate& predicate);

void EncodePartitionKey(const PartitionKey& key, std::string& out);
Result<PartitionKey> DecodePartitionKey(std::string_view bytes);

}  // namespace granary::storage
