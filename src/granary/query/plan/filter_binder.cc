#include <fmt/format.h>

#include <algorithm>

#include "granary/base/wrong_places.h"
#include "granary/query/plan/filter.h"
#include "granary/types/pattern_program.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;

/// Unknown whatever the row: `_seq` is never null, and an empty list that has a null finds nothing
/// and cannot say so.
Predicate Unknown() {
  Predicate leaf;
  leaf.kind = Kind::kIn;
  leaf.column = kSequenceColumnId;
  leaf.type = TypeKind::kInt64;
  leaf.in_has_null = true;
  return leaf;
}

Predicate Leaf(Kind kind, const ColumnRef& ref) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.column = ref.id;
  leaf.type = ref.type;
  leaf.path = ref.path;
  return leaf;
}

Predicate Compared(Kind kind, const ColumnRef& ref, Value value) {
  Predicate leaf = Leaf(kind, ref);
  leaf.values.push_back(std::move(value));
  return leaf;
}

/// False for every value, unknown for null: what no value of the column can satisfy.
Predicate NeverTrue(const ColumnRef& ref) {
  Predicate leaf = Leaf(Kind::kNotNullIs, ref);
  leaf.constant = false;
  return leaf;
}

bool IsJson(const ColumnRef& ref) { return ref.type.kind() == TypeKind::kJson; }
bool IsList(const ColumnRef& ref) { return ref.type.kind() == TypeKind::kList; }

/// The type that a literal is compared with: of the elements for a list.
const DataType& ComparedType(const ColumnRef& ref) {
  return IsList(ref) ? ref.type.element() : ref.type;
}

std::string_view FoundName(const Literal& literal) {
  switch (literal.kind) {
    case Literal::Kind::kNull: return "null";
    case Literal::Kind::kBool: return "a boolean";
    case Literal::Kind::kNumber: return "a number";
    case Literal::Kind::kString: return "a string";
    case Literal::Kind::kList: return "a list";
    case Literal::Kind::kObject: return "an object";
  }
  return "?";
}

Status BadLiteral(const std::string& pointer, std::string_view expected, const Literal& found) {
  return Status::Invalid(Code::kInvalidLiteral, pointer,
                         fmt::format("expected {}, found {}", expected, FoundName(found)));
}

Kind PatternKind(Operator op) {
  switch (op) {
    case Operator::kLike: return Kind::kLike;
    case Operator::kILike: return Kind::kILike;
    case Operator::kStartsWith: return Kind::kStartsWith;
    case Operator::kEndsWith: return Kind::kEndsWith;
    case Operator::kContains: return Kind::kContains;
    default: return Kind::kRegex;
  }
}

/// A backslash escapes the next character, so there must be one.
bool EndsInLoneBackslash(std::string_view pattern) {
  std::size_t backslashes = 0;
  while (backslashes < pattern.size() && pattern[pattern.size() - 1 - backslashes] == '\\')
    ++backslashes;
  return backslashes % 2 == 1;
}

Status CheckPattern(Operator op, const std::string& pattern, bool is_compiled,
                    const std::string& pointer) {
  if ((op == Operator::kLike || op == Operator::kILike) && EndsInLoneBackslash(pattern)) {
    return Status::Invalid(
        Code::kInvalidLiteral, pointer,
        "the pattern ends in a backslash that escapes nothing; write \\\\ for a backslash");
  }
  if (op != Operator::kRegex || is_compiled) return Status::Ok();
  const Status status = PatternProgram::Compile(pattern, PatternProgram::Kind::kRegex).status();
  if (status.ok()) return status;
  return Status::Invalid(status.code(), pointer, std::string(status.message()));
}

class Binder {
 public:
  explicit Binder(const Schema& schema) : schema_(schema) {}

  Result<Predicate> Bind(const Filter& filter) {
    if (filter.kind == Filter::Kind::kCompare) return BindCompare(filter);
    std::vector<Predicate> children;
    WrongPlaces wrong;
    for (const Filter& child : filter.children) wrong.Put(Bind(child), children.emplace_back());
    GRANARY_TRY(wrong.Take());
    if (filter.kind == Filter::Kind::kAnd) return Predicate::And(std::move(children));
    if (filter.kind == Filter::Kind::kOr) return Predicate::Or(std::move(children));
    return Predicate::Not(Predicate::And(std::move(children)));
  }

  bool column_missing() const { return column_missing_; }

 private:
  Result<Predicate> BindCompare(const Filter& filter) {
    const auto ref = ResolveColumn(schema_, filter.column);
    if (!ref) {
      column_missing_ = true;
      return Predicate::Constant(false);
    }
    if (IsList(*ref) && ref->type.element().kind() == TypeKind::kList &&
        filter.op != Operator::kExists && filter.literal.kind != Literal::Kind::kNull) {
      return Mismatch(filter, *ref, "elements that are lists cannot be compared");
    }
    return BindOperator(filter, *ref);
  }

  Result<Predicate> BindOperator(const Filter& filter, const ColumnRef& ref) {
    switch (filter.op) {
      case Operator::kEq: return Equal(filter, ref);
      case Operator::kNe: return Negated(Equal(filter, ref));
      case Operator::kGt: return Ordered(Kind::kGreater, ref, filter.literal, filter.pointer);
      case Operator::kGte: return Ordered(Kind::kGreaterEqual, ref, filter.literal, filter.pointer);
      case Operator::kLt: return Ordered(Kind::kLess, ref, filter.literal, filter.pointer);
      case Operator::kLte: return Ordered(Kind::kLessEqual, ref, filter.literal, filter.pointer);
      case Operator::kIn: return In(filter, ref);
      case Operator::kNin: return Negated(In(filter, ref));
      case Operator::kBetween: return Between(filter, ref);
      case Operator::kExists: return Exists(filter, ref);
      case Operator::kContains:
        if (IsList(ref)) return Ordered(Kind::kEqual, ref, filter.literal, filter.pointer);
        if (IsJson(ref)) return JsonContains(filter, ref);
        return Pattern(filter, ref);
      default: return Pattern(filter, ref);
    }
  }

  static Result<Predicate> Negated(Result<Predicate> bound) {
    if (!bound.ok()) return bound;
    return Predicate::Not(bound.Take());
  }

  static Status Mismatch(const Filter& filter, const ColumnRef& ref, std::string_view why) {
    return Status::Invalid(
        Code::kTypeMismatch, filter.pointer,
        fmt::format("'{}' does not apply to \"{}\", which is {}: {}", OperatorName(filter.op),
                    ref.name, ref.type.ToString(), why));
  }

  Result<Predicate> Equal(const Filter& filter, const ColumnRef& ref) {
    if (filter.literal.kind == Literal::Kind::kNull) return Leaf(Kind::kIsNull, ref);
    return Ordered(Kind::kEqual, ref, filter.literal, filter.pointer);
  }

  /// kEqual, kLess, kLessEqual, kGreater or kGreaterEqual against one literal.
  Result<Predicate> Ordered(Kind kind, const ColumnRef& ref, const Literal& literal,
                            const std::string& pointer) {
    if (literal.kind == Literal::Kind::kNull) return Unknown();
    if (IsJson(ref)) return JsonCompare(kind, ref, literal, pointer);
    GRANARY_ASSIGN(BoundLiteral bound, BindAt(literal, ComparedType(ref), pointer));
    if (bound.exact) return Compared(kind, ref, std::move(bound.value));
    return Inexact(kind, ref, std::move(bound));
  }

  /// The literal lies between two neighbours of the domain: x > 1.5 is x >= 2.
  static Predicate Inexact(Kind kind, const ColumnRef& ref, BoundLiteral bound) {
    if (kind == Kind::kEqual) return NeverTrue(ref);
    const bool upwards = kind == Kind::kGreater || kind == Kind::kGreaterEqual;
    Value& neighbour = upwards ? bound.above : bound.below;
    if (IsNull(neighbour)) return NeverTrue(ref);
    return Compared(upwards ? Kind::kGreaterEqual : Kind::kLessEqual, ref, std::move(neighbour));
  }

  static bool IsDocument(const Literal& literal) {
    return literal.kind == Literal::Kind::kList || literal.kind == Literal::Kind::kObject;
  }

  /// Inside JSON a literal stays as it is: the values decide by their kind. Whole objects and lists
  /// can only be equal.
  static Result<Predicate> JsonCompare(Kind kind, const ColumnRef& ref, const Literal& literal,
                                       const std::string& pointer) {
    if (IsDocument(literal) && kind != Kind::kEqual && kind != Kind::kContains) {
      return BadLiteral(pointer, "a string, number or boolean", literal);
    }
    Predicate leaf = Leaf(kind, ref);
    leaf.json.push_back(literal);
    return leaf;
  }

  Result<Predicate> JsonContains(const Filter& filter, const ColumnRef& ref) {
    if (filter.literal.kind == Literal::Kind::kNull) return Unknown();
    GRANARY_ASSIGN(Predicate leaf,
                   JsonCompare(Kind::kContains, ref, filter.literal, filter.pointer));
    if (filter.literal.kind == Literal::Kind::kString) leaf.pattern = filter.literal.text;
    return leaf;
  }

  Result<Predicate> In(const Filter& filter, const ColumnRef& ref) {
    if (filter.literal.kind != Literal::Kind::kList) {
      return BadLiteral(filter.pointer, "a list", filter.literal);
    }
    if (filter.literal.items.empty()) return Predicate::Constant(false);
    Predicate leaf = Leaf(Kind::kIn, ref);
    WrongPlaces wrong;
    for (std::size_t i = 0; i < filter.literal.items.size() && !wrong.full(); ++i)
      wrong.Add(AddItem(filter.literal.items[i], fmt::format("{}/{}", filter.pointer, i), leaf));
    GRANARY_TRY(wrong.Take());
    if (leaf.values.empty() && leaf.json.empty())
      return leaf.in_has_null ? Unknown() : NeverTrue(ref);
    std::sort(leaf.values.begin(), leaf.values.end(),
              [](const Value& a, const Value& b) { return Compare(a, b) < 0; });
    leaf.values.erase(
        std::unique(leaf.values.begin(), leaf.values.end(),
                    [](const Value& a, const Value& b) { return Compare(a, b) == 0; }),
        leaf.values.end());
    return leaf;
  }

  static Status AddItem(const Literal& item, const std::string& pointer, Predicate& leaf) {
    if (item.kind == Literal::Kind::kNull) {
      leaf.in_has_null = true;
      return Status::Ok();
    }
    if (leaf.type.kind() == TypeKind::kJson) {
      leaf.json.push_back(item);
      return Status::Ok();
    }
    const DataType& type = leaf.type.kind() == TypeKind::kList ? leaf.type.element() : leaf.type;
    GRANARY_ASSIGN(BoundLiteral bound, BindAt(item, type, pointer));
    if (bound.exact) leaf.values.push_back(std::move(bound.value));
    return Status::Ok();
  }

  Result<Predicate> Between(const Filter& filter, const ColumnRef& ref) {
    if (filter.literal.kind != Literal::Kind::kList || filter.literal.items.size() != 2) {
      return BadLiteral(filter.pointer, "a list of two, [low, high]", filter.literal);
    }
    const auto& ends = filter.literal.items;
    Predicate low, high;
    WrongPlaces wrong;
    wrong.Put(Ordered(Kind::kGreaterEqual, ref, ends[0], filter.pointer + "/0"), low);
    wrong.Put(Ordered(Kind::kLessEqual, ref, ends[1], filter.pointer + "/1"), high);
    GRANARY_TRY(wrong.Take());
    const bool has_elements = IsJson(ref) || IsList(ref);
    if (has_elements && low.kind == Kind::kGreaterEqual && high.kind == Kind::kLessEqual) {
      low.kind = Kind::kBetween;
      std::ranges::move(high.values, std::back_inserter(low.values));
      std::ranges::move(high.json, std::back_inserter(low.json));
      return low;
    }
    std::vector<Predicate> both;
    both.push_back(std::move(low));
    both.push_back(std::move(high));
    return Predicate::And(std::move(both));
  }

  Result<Predicate> Exists(const Filter& filter, const ColumnRef& ref) {
    if (filter.literal.kind != Literal::Kind::kBool) {
      return BadLiteral(filter.pointer, "true or false", filter.literal);
    }
    if (!filter.literal.boolean) return Leaf(Kind::kIsNull, ref);
    return Predicate::Not(Leaf(Kind::kIsNull, ref));
  }

  Result<Predicate> Pattern(const Filter& filter, const ColumnRef& ref) {
    const DataType& type = ComparedType(ref);
    if (type.kind() != TypeKind::kString && !IsJson(ref)) {
      return Mismatch(filter, ref, "patterns are for strings");
    }
    if (filter.literal.kind == Literal::Kind::kNull) return Unknown();
    if (filter.literal.kind != Literal::Kind::kString) {
      return BadLiteral(filter.pointer, "a string", filter.literal);
    }
    GRANARY_TRY(
        CheckPattern(filter.op, filter.literal.text, filter.program != nullptr, filter.pointer));
    Predicate leaf = Leaf(PatternKind(filter.op), ref);
    leaf.pattern = filter.literal.text;
    leaf.program = filter.program;
    if (IsJson(ref)) leaf.json.push_back(filter.literal);
    return leaf;
  }

  static Result<BoundLiteral> BindAt(const Literal& literal, const DataType& type,
                                     const std::string& pointer) {
    auto bound = BindLiteral(literal, type);
    if (bound.ok()) return bound;
    return Status::Invalid(bound.status().code(), pointer, std::string(bound.status().message()));
  }

  const Schema& schema_;
  bool column_missing_ = false;
};

}  // namespace

Result<std::optional<Predicate>> BindFilter(const Filter& filter, const Schema& schema) {
  Binder binder(schema);
  GRANARY_ASSIGN(Predicate bound, binder.Bind(filter));
  if (binder.column_missing()) return std::optional<Predicate>();
  return std::optional<Predicate>(std::move(bound));
}

}  // namespace granary::query
