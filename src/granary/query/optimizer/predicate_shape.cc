#include "granary/query/optimizer/predicate_shape.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "granary/base/bytes.h"
#include "granary/base/hash.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;

// Kinds of shapes that are no predicate's.
constexpr std::uint8_t kQuestionMark = 0x80;

std::uint8_t Magnitude(std::size_t values) {
  return static_cast<std::uint8_t>(std::bit_width(values));
}

std::string_view OperatorText(Kind kind) {
  switch (kind) {
    case Kind::kEqual: return "=";
    case Kind::kLess: return "<";
    case Kind::kLessEqual: return "<=";
    case Kind::kGreater: return ">";
    case Kind::kGreaterEqual: return ">=";
    case Kind::kBetween: return "BETWEEN";
    case Kind::kIn: return "IN";
    case Kind::kLike: return "LIKE";
    case Kind::kILike: return "ILIKE";
    case Kind::kStartsWith: return "STARTS WITH";
    case Kind::kEndsWith: return "ENDS WITH";
    case Kind::kContains: return "CONTAINS";
    case Kind::kRegex: return "REGEX";
    default: return "";
  }
}

std::string NameOf(ColumnId id, const Schema& schema) {
  if (id == kSequenceColumnId) return std::string(kSequenceColumnName);
  const Column* column = schema.FindId(id);
  return column == nullptr ? "column " + std::to_string(id) : column->name;
}

std::string Joined(const Predicate& of, const Schema& schema) {
  std::string out;
  for (const Predicate& child : of.children) {
    if (!out.empty()) out += of.kind == Kind::kAnd ? " AND " : " OR ";
    const bool nests = child.kind == Kind::kAnd || child.kind == Kind::kOr;
    out += nests ? "(" + ShapeText(child, schema) + ")" : ShapeText(child, schema);
  }
  return out;
}

}  // namespace

std::uint64_t ShapeOf(const Predicate& predicate, std::uint64_t source) {
  std::string key;
  PutFixed(key, source);
  PutFixed(key, static_cast<std::uint8_t>(predicate.kind));
  if (!predicate.children.empty()) {
    std::vector<std::uint64_t> parts;
    parts.reserve(predicate.children.size());
    for (const Predicate& child : predicate.children) parts.push_back(ShapeOf(child, source));
    std::sort(parts.begin(), parts.end());
    for (const std::uint64_t part : parts) PutFixed(key, part);
    return Hash64(key);
  }
  PutFixed(key, predicate.column);
  for (const std::string& step : predicate.path) PutString(key, step);
  PutFixed(key, Magnitude(std::max(predicate.values.size(), predicate.json.size())));
  return Hash64(key);
}

std::uint64_t ShapeOf(const IndexQuestion& question, std::uint64_t source) {
  std::string key;
  PutFixed(key, source);
  PutFixed(key,
           static_cast<std::uint8_t>(kQuestionMark | static_cast<std::uint8_t>(question.kind)));
  PutFixed(key, question.column);
  PutFixed(key, static_cast<std::uint8_t>((IsNull(question.low) ? 0 : 1) |
                                          (IsNull(question.high) ? 0 : 2)));
  return Hash64(key);
}

std::uint64_t WithMagnitude(std::uint64_t shape, double share) {
  // Fours: an estimate that moves a little mostly stays where it is.
  constexpr double kMost = 20;
  const double magnitude = share > 0 ? std::min(std::floor(-std::log2(share) / 2), kMost) : kMost;
  std::string key;
  PutFixed(key, shape);
  PutFixed(key, static_cast<std::uint8_t>(std::max(magnitude, 0.0)));
  return Hash64(key);
}

std::string ShapeText(const Predicate& predicate, const Schema& schema) {
  switch (predicate.kind) {
    case Kind::kAnd:
    case Kind::kOr: return Joined(predicate, schema);
    case Kind::kNot: return "NOT (" + ShapeText(predicate.children.at(0), schema) + ")";
    case Kind::kConstant: return predicate.constant ? "TRUE" : "FALSE";
    default: break;
  }
  std::string name = NameOf(predicate.column, schema);
  for (const std::string& step : predicate.path) name += "." + step;
  if (predicate.kind == Kind::kIsNull) return name + " IS NULL";
  if (predicate.kind == Kind::kNotNullIs) return name + " IS NOT NULL";
  return name + " " + std::string(OperatorText(predicate.kind)) + " ?";
}

std::string ShapeText(const IndexQuestion& question, const Schema& schema) {
  const std::string name = NameOf(question.column, schema);
  switch (question.kind) {
    case IndexQuestion::Kind::kEqual: return name + (question.values.size() > 1 ? " IN ?" : " = ?");
    case IndexQuestion::Kind::kPrefix: return name + " STARTS WITH ?";
    case IndexQuestion::Kind::kRange: break;
  }
  if (IsNull(question.low)) return name + " <= ?";
  return name + (IsNull(question.high) ? " >= ?" : " BETWEEN ? AND ?");
}

}  // namespace granary::query
