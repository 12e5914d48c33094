#include "granary/query/plan/fingerprint.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "granary/base/bytes.h"

namespace granary::query {
namespace {

template <typename T>
void PutCount(std::string& out, const std::vector<T>& items) {
  PutFixed(out, static_cast<std::uint64_t>(items.size()));
}

void PutLiteral(const Literal& literal, std::string& out) {
  PutFixed(out, static_cast<std::uint8_t>(literal.kind));
  PutFixed(out, static_cast<std::uint8_t>(literal.boolean ? 1 : 0));
  PutString(out, literal.text);
  PutCount(out, literal.items);
  for (const Literal& item : literal.items) PutLiteral(item, out);
}

void PutFilter(const Filter& filter, std::string& out) {
  PutFixed(out, static_cast<std::uint8_t>(filter.kind));
  if (filter.kind == Filter::Kind::kCompare) {
    PutString(out, filter.column);
    PutFixed(out, static_cast<std::uint8_t>(filter.op));
    PutLiteral(filter.literal, out);
    return;
  }
  std::vector<std::string> children;
  for (const Filter& child : filter.children) PutFilter(child, children.emplace_back());
  std::sort(children.begin(), children.end());
  PutCount(out, children);
  for (const std::string& child : children) PutString(out, child);
}

void PutTransform(const GroupTransform& transform, std::string& out) {
  PutFixed(out, static_cast<std::uint8_t>(transform.index()));
  if (const auto* part = std::get_if<DatePart>(&transform))
    PutFixed(out, static_cast<std::uint8_t>(*part));
  if (const auto* bucket = std::get_if<Bucket>(&transform)) PutString(out, bucket->width);
  if (const auto* interval = std::get_if<Interval>(&transform)) PutFixed(out, interval->micros);
}

}  // namespace

Digest128 Fingerprint(const SearchRequest& request) {
  std::string bytes = "search 1";
  std::vector<std::string> sources;
  for (const SourceId& source : request.sources) sources.push_back(source.str());
  std::sort(sources.begin(), sources.end());
  sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
  PutCount(bytes, sources);
  for (const std::string& source : sources) PutString(bytes, source);
  PutFixed(bytes, static_cast<std::uint8_t>(request.filter.has_value() ? 1 : 0));
  if (request.filter) PutFilter(*request.filter, bytes);
  PutCount(bytes, request.columns);
  for (const std::string& column : request.columns) PutString(bytes, column);
  PutCount(bytes, request.order_by);
  for (const OrderBy& order : request.order_by) {
    PutString(bytes, order.column);
    PutFixed(bytes, static_cast<std::uint8_t>(order.direction));
  }
  return Hash128(bytes);
}

Digest128 FingerprintOfStates(const AggregateRequest& request) {
  std::string bytes = "aggregate 2";
  PutFixed(bytes, static_cast<std::uint8_t>(request.filter.has_value() ? 1 : 0));
  if (request.filter) PutFilter(*request.filter, bytes);
  PutCount(bytes, request.group_by);
  for (const GroupBy& group : request.group_by) {
    PutString(bytes, group.column);
    PutTransform(group.transform, bytes);
  }
  PutCount(bytes, request.aggregations);
  for (const Aggregation& aggregation : request.aggregations) {
    PutFixed(bytes, static_cast<std::uint8_t>(aggregation.type));
    PutFixed(bytes, static_cast<std::uint8_t>(aggregation.column.has_value() ? 1 : 0));
    PutString(bytes, aggregation.column.value_or(""));
    PutFixed(bytes, aggregation.p);
  }
  return Hash128(bytes);
}

}  // namespace granary::query
