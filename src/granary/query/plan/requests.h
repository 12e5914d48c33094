// What a client can ask of a tenant's data, as plain structs that both APIs fill.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "granary/base/ids.h"
#include "granary/query/plan/filter.h"

namespace granary::query {

inline constexpr std::uint64_t kLimitDefault = 100;
inline constexpr std::uint64_t kLimitMax = 10'000;

enum class Direction : std::uint8_t { kAscending, kDescending };

struct OrderBy {
  std::string column;
  Direction direction = Direction::kAscending;
  std::string pointer;
};

struct SearchRequest {
  std::vector<SourceId> sources;  ///< Empty: every source of the tenant.
  std::optional<Filter> filter;
  std::vector<std::string> columns;  ///< Empty: all; each record shows its source's.
  std::vector<OrderBy> order_by;
  std::optional<std::uint64_t> limit;             ///< Nothing: no limit (stream only).
  std::optional<std::string> cursor = {};         ///< A page's next_cursor, as it was given.
  std::vector<std::string> source_pointers = {};  ///< Where each of `sources` is named, or none.
};

enum class AggregateType : std::uint8_t {
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kCountDistinct,
  kApproxCountDistinct,
  kPercentile,
  kApproxPercentile,
  kStddev,
  kVariance,
  kFirst,
  kLast,
  kAny,
};
std::optional<AggregateType> ParseAggregateType(std::string_view name);
std::string_view AggregateTypeName(AggregateType type);

struct Aggregation {
  AggregateType type = AggregateType::kCount;
  std::optional<std::string> column;  ///< Nothing only for count: rows.
  std::string alias;                  ///< Never empty: type_column, or the type alone.
  double p = 0.5;                     ///< Of a percentile, 0 to 1.
  std::string pointer;                ///< /aggregations/0
};

enum class DatePart : std::uint8_t { kYear, kQuarter, kMonth, kWeek, kDay, kHour, kMinute };
/// {"bucket": 10}: the number is floored to a multiple of the width.
struct Bucket {
  std::string width;  ///< The number's text, > 0.
};
/// {"interval": "5m"}: the instant is floored in steps from 2000-01-03, a Monday.
struct Interval {
  std::int64_t micros = 0;
};
using GroupTransform = std::variant<std::monostate, DatePart, Bucket, Interval>;

struct GroupBy {
  std::string column;
  GroupTransform transform;  ///< Dates and instants are floored to the start of the part.
  std::string alias;         ///< The column when not given.
  std::string pointer;       ///< /group_by/0
};

struct AggregateRequest {
  std::vector<SourceId> sources;
  std::optional<Filter> filter;
  std::vector<GroupBy> group_by;
  std::vector<Aggregation> aggregations;
  std::optional<Filter> having;   ///< Over aliases.
  std::vector<OrderBy> order_by;  ///< Over aliases.
  std::optional<std::uint64_t> limit;
  std::vector<std::string> source_pointers = {};  ///< Where each of `sources` is named, or none.
};

}  // namespace granary::query
