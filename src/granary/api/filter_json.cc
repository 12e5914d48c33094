#include "granary/api/filter_json.h"

#include <fmt/format.h>

#include "granary/api/object_reader.h"
#include "granary/base/wrong_places.h"

namespace granary::api {
namespace {

using query::Filter;
using query::Operator;

constexpr std::string_view kOperators =
    "eq, ne, gt, gte, lt, lte, in, nin, between, like, ilike, starts_with, ends_with, contains, "
    "regex, exists";

Filter And(std::vector<Filter> children, std::string pointer) {
  if (children.size() == 1) return std::move(children.front());
  Filter out;
  out.kind = Filter::Kind::kAnd;
  out.children = std::move(children);
  out.pointer = std::move(pointer);
  return out;
}

Status BadLiteral(const std::string& pointer, std::string_view op, std::string_view expected,
                  const JsonNode& found) {
  return Status::Invalid(
      Code::kInvalidLiteral, pointer,
      fmt::format("'{}' expects {}, found {}", op, expected, KindName(found.kind)));
}

bool IsScalar(const JsonNode& node) {
  return node.kind != JsonNode::Kind::kArray && node.kind != JsonNode::Kind::kObject;
}

// What no column could make sense of; the rest is the binder's.
Status CheckShape(Operator op, const JsonNode& node, const std::string& pointer) {
  const std::string_view name = query::OperatorName(op);
  switch (op) {
    case Operator::kEq:
    case Operator::kNe:
    case Operator::kContains: return Status::Ok();
    case Operator::kIn:
    case Operator::kNin:
      return node.kind == JsonNode::Kind::kArray ? Status::Ok()
                                                 : BadLiteral(pointer, name, "an array", node);
    case Operator::kBetween:
      if (node.kind == JsonNode::Kind::kArray && node.items.size() == 2) return Status::Ok();
      return BadLiteral(pointer, name, "an array of two values", node);
    case Operator::kExists:
      return node.kind == JsonNode::Kind::kBool ? Status::Ok()
                                                : BadLiteral(pointer, name, "true or false", node);
    case Operator::kLike:
    case Operator::kILike:
    case Operator::kStartsWith:
    case Operator::kEndsWith:
    case Operator::kRegex:
      // As any comparison with null: never true.
      return node.kind == JsonNode::Kind::kString || node.kind == JsonNode::Kind::kNull
                 ? Status::Ok()
                 : BadLiteral(pointer, name, "a string", node);
    default:
      return IsScalar(node) ? Status::Ok() : BadLiteral(pointer, name, "a single value", node);
  }
}

Result<Filter> Compare(const std::string& column, Operator op, const JsonNode& node,
                       std::string pointer) {
  GRANARY_TRY(CheckShape(op, node, pointer));
  Filter out;
  out.kind = Filter::Kind::kCompare;
  out.column = column;
  out.op = op;
  out.literal = ToLiteral(node);
  out.pointer = std::move(pointer);
  return out;
}

// $and, $or and $not work alike over records and over the conditions on one column; `read` reads
// what stands inside them.
template <typename Read>
Result<Filter> Combine(std::string_view word, const JsonNode& node, const std::string& pointer,
                       const Read& read) {
  Filter out;
  out.pointer = pointer;
  if (word == "$not") {
    out.kind = Filter::Kind::kNot;
    GRANARY_ASSIGN(Filter child, read(node, pointer));
    out.children.push_back(std::move(child));
    return out;
  }
  if (word != "$and" && word != "$or") {
    return Status::Invalid(Code::kUnknownOperator, pointer,
                           fmt::format("unknown '{}'; there are $and, $or, $not; a column of that "
                                       "name is written \"\\\\{}\"",
                                       word, word));
  }
  out.kind = word == "$and" ? Filter::Kind::kAnd : Filter::Kind::kOr;
  if (node.kind != JsonNode::Kind::kArray) return WrongKind(pointer, "an array", node);
  if (node.items.empty())
    return Status::Invalid(Code::kInvalidRequest, pointer, "must have at least one element");
  WrongPlaces wrong;
  for (std::size_t i = 0; i < node.items.size() && !wrong.full(); ++i)
    wrong.Put(read(node.items[i], PointerTo(pointer, i)), out.children.emplace_back());
  GRANARY_TRY(wrong.Take());
  return out;
}

Result<Filter> ReadCondition(const std::string& column, const JsonNode& node,
                             const std::string& pointer);

Result<Filter> ReadOperator(const std::string& column, const JsonMember& member,
                            const std::string& pointer) {
  if (member.name.starts_with('$')) {
    return Combine(member.name, member.value, pointer,
                   [&](const JsonNode& node, const std::string& at) {
                     return ReadCondition(column, node, at);
                   });
  }
  const auto op = query::ParseOperator(member.name);
  if (!op) {
    return Status::Invalid(
        Code::kUnknownOperator, pointer,
        fmt::format("unknown operator '{}'; there are {}", member.name, kOperators));
  }
  return Compare(column, *op, member.value, pointer);
}

// What stands behind a column's name.
Result<Filter> ReadCondition(const std::string& column, const JsonNode& node,
                             const std::string& pointer) {
  if (node.kind != JsonNode::Kind::kObject) return Compare(column, Operator::kEq, node, pointer);
  if (node.members.empty())
    return Status::Invalid(Code::kInvalidRequest, pointer,
                           fmt::format("no operator; there are {}", kOperators));
  std::vector<Filter> all;
  WrongPlaces wrong;
  for (const JsonMember& member : node.members)
    wrong.Put(ReadOperator(column, member, PointerTo(pointer, member.name)), all.emplace_back());
  GRANARY_TRY(wrong.Take());
  return And(std::move(all), pointer);
}

}  // namespace

Result<Filter> ReadFilter(const JsonNode& node, const std::string& pointer) {
  if (node.kind != JsonNode::Kind::kObject) return WrongKind(pointer, "an object", node);
  std::vector<Filter> all;
  WrongPlaces wrong;
  for (const JsonMember& member : node.members) {
    const std::string at = PointerTo(pointer, member.name);
    wrong.Put(member.name.starts_with('$') ? Combine(member.name, member.value, at, ReadFilter)
                                           : ReadCondition(member.name, member.value, at),
              all.emplace_back());
  }
  GRANARY_TRY(wrong.Take());
  return And(std::move(all), pointer);
}

Literal ToLiteral(const JsonNode& node) {
  Literal out;
  switch (node.kind) {
    case JsonNode::Kind::kNull: break;
    case JsonNode::Kind::kBool:
      out.kind = Literal::Kind::kBool;
      out.boolean = node.boolean;
      break;
    case JsonNode::Kind::kNumber:
      out.kind = Literal::Kind::kNumber;
      out.text = node.text;
      break;
    case JsonNode::Kind::kString:
      out.kind = Literal::Kind::kString;
      out.text = node.text;
      break;
    case JsonNode::Kind::kArray:
      out.kind = Literal::Kind::kList;
      for (const JsonNode& item : node.items) out.items.push_back(ToLiteral(item));
      break;
    case JsonNode::Kind::kObject:
      out.kind = Literal::Kind::kObject;
      AppendJson(node, out.text);
      break;
  }
  return out;
}

}  // namespace granary::api
