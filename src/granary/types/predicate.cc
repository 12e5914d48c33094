#include "granary/types/predicate.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace granary {
namespace {

Predicate Combine(Predicate::Kind kind, std::vector<Predicate> children) {
  Predicate combined;
  combined.kind = kind;
  for (Predicate& child : children) {
    if (child.kind != kind) {
      combined.children.push_back(std::move(child));
      continue;
    }
    std::move(child.children.begin(), child.children.end(), std::back_inserter(combined.children));
  }
  if (combined.children.empty()) return Predicate::Constant(kind == Predicate::Kind::kAnd);
  if (combined.children.size() == 1) return Predicate(std::move(combined.children.front()));
  return combined;
}

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

std::string LiteralText(const Literal& literal) {
  switch (literal.kind) {
    case Literal::Kind::kNull: return "null";
    case Literal::Kind::kBool: return literal.boolean ? "true" : "false";
    case Literal::Kind::kNumber:
    case Literal::Kind::kObject: return literal.text;
    case Literal::Kind::kString: return Quoted(literal.text);
    case Literal::Kind::kList: {
      std::string out = "[";
      for (const Literal& item : literal.items) {
        if (out.size() > 1) out += ", ";
        out += LiteralText(item);
      }
      return out + "]";
    }
  }
  return "?";
}

std::string ValueText(const Value& value, const DataType& type) {
  const DataType& domain = type.kind() == TypeKind::kList ? type.element() : type;
  const std::string text = ValueToText(value, domain);
  const bool quoted = !IsNull(value) && (domain.IsBytes() || domain.IsTemporal());
  return quoted ? Quoted(text) : text;
}

std::vector<std::string> Operands(const Predicate& leaf) {
  std::vector<std::string> texts;
  for (const Value& value : leaf.values) texts.push_back(ValueText(value, leaf.type));
  for (const Literal& literal : leaf.json) texts.push_back(LiteralText(literal));
  return texts;
}

std::string ColumnText(const Predicate& leaf, const Schema& schema) {
  const Column* column = schema.FindId(leaf.column);
  std::string text = leaf.column == kSequenceColumnId ? std::string(kSequenceColumnName)
                     : column != nullptr              ? column->name
                                                      : fmt::format("column#{}", leaf.column);
  for (const std::string& key : leaf.path) text += "." + key;
  return text;
}

std::string_view Operator(Predicate::Kind kind) {
  using Kind = Predicate::Kind;
  switch (kind) {
    case Kind::kEqual: return "=";
    case Kind::kLess: return "<";
    case Kind::kLessEqual: return "<=";
    case Kind::kGreater: return ">";
    case Kind::kGreaterEqual: return ">=";
    case Kind::kLike: return "LIKE";
    case Kind::kILike: return "ILIKE";
    case Kind::kStartsWith: return "STARTS WITH";
    case Kind::kEndsWith: return "ENDS WITH";
    case Kind::kContains: return "CONTAINS";
    case Kind::kRegex: return "REGEX";
    default: return "?";
  }
}

std::string LeafText(const Predicate& leaf, const Schema& schema) {
  const std::string column = ColumnText(leaf, schema);
  const std::vector<std::string> operands = Operands(leaf);
  switch (leaf.kind) {
    case Predicate::Kind::kNotNullIs:
      return fmt::format("({} IS NULL ? null : {})", column, leaf.constant);
    case Predicate::Kind::kIsNull: return column + " IS NULL";
    case Predicate::Kind::kBetween:
      return fmt::format("{} BETWEEN {}", column, fmt::join(operands, " AND "));
    case Predicate::Kind::kIn:
      return fmt::format("{} IN ({}{})", column, fmt::join(operands, ", "),
                         !leaf.in_has_null  ? ""
                         : operands.empty() ? "null"
                                            : ", null");
    default:
      return fmt::format("{} {} {}", column, Operator(leaf.kind),
                         operands.empty() ? Quoted(leaf.pattern) : operands.front());
  }
}

void CollectColumns(const Predicate& predicate, std::vector<ColumnId>& ids) {
  using Kind = Predicate::Kind;
  for (const Predicate& child : predicate.children) CollectColumns(child, ids);
  const bool leaf = predicate.kind != Kind::kAnd && predicate.kind != Kind::kOr &&
                    predicate.kind != Kind::kNot && predicate.kind != Kind::kConstant;
  if (leaf) ids.push_back(predicate.column);
}

std::string Text(const Predicate& predicate, const Schema& schema, bool nested) {
  using Kind = Predicate::Kind;
  switch (predicate.kind) {
    case Kind::kConstant: return predicate.constant ? "true" : "false";
    case Kind::kNot:
      return fmt::format("NOT ({})", Text(predicate.children.front(), schema, false));
    case Kind::kAnd:
    case Kind::kOr: {
      std::vector<std::string> parts;
      for (const Predicate& child : predicate.children) parts.push_back(Text(child, schema, true));
      if (parts.empty()) return predicate.kind == Kind::kAnd ? "true" : "false";
      const auto joined =
          fmt::format("{}", fmt::join(parts, predicate.kind == Kind::kAnd ? " AND " : " OR "));
      return nested ? "(" + joined + ")" : joined;
    }
    default: return LeafText(predicate, schema);
  }
}

}  // namespace

Predicate Predicate::Constant(bool value) {
  Predicate predicate;
  predicate.constant = value;
  return predicate;
}

Predicate Predicate::And(std::vector<Predicate> children) {
  return Combine(Kind::kAnd, std::move(children));
}

Predicate Predicate::Or(std::vector<Predicate> children) {
  return Combine(Kind::kOr, std::move(children));
}

Predicate Predicate::Not(Predicate child) {
  Predicate predicate;
  predicate.kind = Kind::kNot;
  predicate.children.push_back(std::move(child));
  return predicate;
}

std::string Predicate::ToString(const Schema& schema) const { return Text(*this, schema, false); }

std::vector<ColumnId> Predicate::Columns() const {
  std::vector<ColumnId> ids;
  CollectColumns(*this, ids);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace granary
