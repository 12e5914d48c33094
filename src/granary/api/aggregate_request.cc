// ParseAggregate.
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/api/query_members.h"
#include "granary/api/request_json.h"
#include "granary/base/utf8.h"

namespace granary::api {
namespace {

using query::AggregateType;
using query::DatePart;

constexpr std::string_view kTypes =
    "count, sum, avg, min, max, count_distinct, approx_count_distinct, percentile, "
    "approx_percentile, stddev, variance, "
    "first, last, any";

struct PartName {
  std::string_view name;
  DatePart part;
};
constexpr PartName kParts[] = {{"year", DatePart::kYear},    {"quarter", DatePart::kQuarter},
                               {"month", DatePart::kMonth},  {"week", DatePart::kWeek},
                               {"day", DatePart::kDay},      {"hour", DatePart::kHour},
                               {"minute", DatePart::kMinute}};

struct IntervalUnit {
  std::string_view name;
  std::int64_t micros;
};
constexpr IntervalUnit kUnits[] = {{"us", 1},
                                   {"ms", 1'000},
                                   {"s", 1'000'000},
                                   {"m", 60'000'000},
                                   {"h", 3'600'000'000},
                                   {"d", 86'400'000'000},
                                   {"w", 604'800'000'000}};

Result<DatePart> ReadPart(const JsonNode& node, const std::string& pointer) {
  for (const auto& [name, part] : kParts) {
    if (node.text == name) return part;
  }
  return Status::Invalid(
      Code::kUnknownOperator, pointer,
      fmt::format(
          "unknown transform '{}'; there are year, quarter, month, week, day, hour, minute, "
          "{{\"bucket\": n}} and {{\"interval\": \"5m\"}}",
          Quotable(node.text)));
}

Result<query::Bucket> ReadBucket(const JsonNode& node, const std::string& pointer) {
  if (node.kind != JsonNode::Kind::kNumber) return WrongKind(pointer, "a number over 0", node);
  const std::string_view mantissa =
      std::string_view(node.text).substr(0, node.text.find_first_of("eE"));
  if (node.text.starts_with('-') || mantissa.find_first_of("123456789") == std::string_view::npos) {
    return Status::Invalid(Code::kInvalidRequest, pointer, "a bucket must be wider than 0");
  }
  return query::Bucket{node.text};
}

Result<query::Interval> ReadInterval(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(const std::string text, NonEmptyText(node, pointer));
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& [name, micros] : kUnits) {
    if (error != std::errc() || unit != name || count < 1) continue;
    if (count > std::numeric_limits<std::int64_t>::max() / micros) break;
    return query::Interval{count * micros};
  }
  return Status::Invalid(
      Code::kInvalidRequest, pointer,
      fmt::format(
          "expected a number over 0 with a unit (us, ms, s, m, h, d, w) such as 5m, found '{}'",
          Quotable(text)));
}

Result<query::GroupTransform> ReadTransform(const JsonNode& node, const std::string& pointer) {
  if (node.kind == JsonNode::Kind::kString) {
    GRANARY_ASSIGN(const DatePart part, ReadPart(node, pointer));
    return query::GroupTransform(part);
  }
  GRANARY_ASSIGN(ObjectReader reader, ObjectReader::Of(node, pointer));
  const JsonNode* bucket = reader.Find("bucket");
  const JsonNode* interval = reader.Find("interval");
  GRANARY_TRY(reader.Finish());
  if ((bucket == nullptr) == (interval == nullptr)) {
    return Status::Invalid(Code::kInvalidRequest, pointer, "expected either bucket or interval");
  }
  if (bucket != nullptr) {
    GRANARY_ASSIGN(query::Bucket width, ReadBucket(*bucket, reader.PointerOf("bucket")));
    return query::GroupTransform(std::move(width));
  }
  GRANARY_ASSIGN(const query::Interval width,
                 ReadInterval(*interval, reader.PointerOf("interval")));
  return query::GroupTransform(width);
}

Result<query::GroupBy> ReadGroup(const JsonNode& node, const std::string& pointer) {
  query::GroupBy out;
  out.pointer = pointer;
  if (node.kind == JsonNode::Kind::kString) {
    out.column = node.text;
    out.alias = out.column;
    return out;
  }
  if (node.kind != JsonNode::Kind::kObject)
    return WrongKind(pointer, "a column's name or an object", node);
  ObjectReader reader(node, pointer);
  GRANARY_ASSIGN(out.column, reader.RequiredName("column"));
  if (const JsonNode* transform = reader.Find("transform"); transform != nullptr) {
    GRANARY_ASSIGN(out.transform, ReadTransform(*transform, reader.PointerOf("transform")));
  }
  GRANARY_ASSIGN(auto alias, reader.Text("alias"));
  GRANARY_TRY(reader.Finish());
  if (alias && alias->empty())
    return Status::Invalid(Code::kInvalidRequest, reader.PointerOf("alias"), "must not be empty");
  out.alias = alias.value_or(out.column);
  return out;
}

bool IsPercentile(AggregateType type) {
  return type == AggregateType::kPercentile || type == AggregateType::kApproxPercentile;
}

Status ReadP(ObjectReader& reader, query::Aggregation& out) {
  const JsonNode* node = reader.Find("p");
  if (node == nullptr) return Status::Ok();
  const std::string pointer = reader.PointerOf("p");
  if (!IsPercentile(out.type))
    return Status::Invalid(Code::kInvalidRequest, pointer, "only a percentile has a p");
  if (node->kind != JsonNode::Kind::kNumber)
    return WrongKind(pointer, "a number from 0 to 1", *node);
  const auto [end, error] =
      std::from_chars(node->text.data(), node->text.data() + node->text.size(), out.p);
  if (error != std::errc() || !(out.p >= 0 && out.p <= 1)) {
    return Status::Invalid(
        Code::kInvalidRequest, pointer,
        fmt::format("expected a number from 0 to 1, found {}", node->text.substr(0, 64)));
  }
  return Status::Ok();
}

Result<query::Aggregation> ReadAggregation(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader reader, ObjectReader::Of(node, pointer));
  query::Aggregation out;
  out.pointer = pointer;
  GRANARY_ASSIGN(const std::string type, reader.RequiredText("type"));
  const auto known = query::ParseAggregateType(type);
  if (!known) {
    return Status::Invalid(
        Code::kUnknownOperator, reader.PointerOf("type"),
        fmt::format("unknown aggregation '{}'; there are {}", Quotable(type), kTypes));
  }
  out.type = *known;
  GRANARY_ASSIGN(auto column, reader.Text("column"));
  GRANARY_ASSIGN(const auto alias, reader.Text("alias"));
  GRANARY_TRY(ReadP(reader, out));
  GRANARY_TRY(reader.Finish());
  if (!column && out.type != AggregateType::kCount) {
    return Status::Invalid(Code::kInvalidRequest, reader.PointerOf("column"),
                           fmt::format("{} needs a column", type));
  }
  if (alias && alias->empty())
    return Status::Invalid(Code::kInvalidRequest, reader.PointerOf("alias"), "must not be empty");
  out.alias = alias.value_or(column ? fmt::format("{}_{}", type, *column) : type);
  out.column = std::move(column);
  return out;
}

}  // namespace

Result<query::AggregateRequest> ParseAggregate(std::string_view text, const RequestLimits& limits,
                                               Spread* spread) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(text, limits.depth_max));
  ObjectReader body(root, "");
  WrongPlaces wrong;
  if (spread != nullptr) wrong.Add(ReadSpread(body, *spread));
  query::AggregateRequest out;
  wrong.Add(ReadSources(body, out.sources, out.source_pointers));
  wrong.Put(ReadOptionalFilter(body, "filters"), out.filter);
  wrong.Add(body.Each("group_by", out.group_by, ReadGroup));
  wrong.Add(body.Each("aggregations", out.aggregations, ReadAggregation));
  wrong.Put(ReadOptionalFilter(body, "having"), out.having);
  wrong.Put(ReadOrderBy(body), out.order_by);
  wrong.Put(body.WholeNumber("limit", 0, std::numeric_limits<std::uint64_t>::max()), out.limit);
  wrong.Add(body.NotYet("cursor"));
  wrong.Add(body.NotYet("as_of"));
  wrong.Add(body.Finish());
  GRANARY_TRY(wrong.Take());
  if (out.aggregations.empty()) {
    return Status::Invalid(Code::kInvalidRequest, body.PointerOf("aggregations"),
                           "at least one aggregation is needed");
  }
  return out;
}

}  // namespace granary::api
