// Goal: a filter means the same after binding as before, whatever the column's type; what cannot be
// meant is refused where it stands.
#include "granary/query/plan/filter.h"

#include <gtest/gtest.h>

#include "granary/query/plan/requests.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;

Schema TestSchema() {
  return Schema(1, 20,
                {{1, "i", TypeKind::kInt64},
                 {2, "small", TypeKind::kInt8},
                 {3, "f", TypeKind::kFloat64},
                 {4, "s", TypeKind::kString},
                 {5, "d", DataType::Decimal(5, 2)},
                 {6, "b", TypeKind::kBool},
                 {7, "doc", TypeKind::kJson},
                 {8, "doc.dotted", TypeKind::kString},
                 {9, "tags", DataType::List(TypeKind::kString)},
                 {10, "day", TypeKind::kDate},
                 {11, "at", DataType::Timestamp(TimeUnit::kNano)},
                 {12, "deep", DataType::List(DataType::List(TypeKind::kInt64))},
                 {13, "doc.inner", TypeKind::kJson},
                 {14, "u", TypeKind::kUInt64}});
}

Literal Null() { return {}; }
Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal Text(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }
Literal Bool(bool value) { return {Literal::Kind::kBool, value, "", {}}; }
Literal List(std::vector<Literal> items) {
  return {Literal::Kind::kList, false, "", std::move(items)};
}

Filter Compare(std::string column, Operator op, Literal literal) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  filter.pointer = "/filters/" + filter.column + "/" + std::string(OperatorName(op));
  return filter;
}

Filter Combined(Filter::Kind kind, std::vector<Filter> children) {
  Filter filter;
  filter.kind = kind;
  filter.children = std::move(children);
  return filter;
}

std::string Bound(const Filter& filter) {
  const Schema schema = TestSchema();
  const auto bound = BindFilter(filter, schema);
  if (!bound.ok()) return bound.status().ToString();
  return *bound ? (**bound).ToString(schema) : "nothing";
}

Predicate BoundPredicate(const Filter& filter) {
  auto bound = BindFilter(filter, TestSchema());
  EXPECT_TRUE(bound.ok()) << bound.status().ToString();
  return bound.ok() && *bound ? **bound : Predicate();
}

Status Refused(const Filter& filter) { return BindFilter(filter, TestSchema()).status(); }

TEST(OperatorTest, NamesAndAliasesAreKnown) {
  for (int i = 0; i <= static_cast<int>(Operator::kExists); ++i) {
    const auto op = static_cast<Operator>(i);
    EXPECT_EQ(ParseOperator(OperatorName(op)), op);
  }
  EXPECT_EQ(ParseOperator("in_list"), Operator::kIn);
  EXPECT_EQ(ParseOperator("not_in"), Operator::kNin);
  EXPECT_EQ(ParseOperator("EQ"), std::nullopt);
  EXPECT_EQ(OperatorName(Operator::kStartsWith), "starts_with");
}

TEST(AggregateTypeTest, NamesAreKnown) {
  for (int i = 0; i <= static_cast<int>(AggregateType::kAny); ++i) {
    const auto type = static_cast<AggregateType>(i);
    EXPECT_EQ(ParseAggregateType(AggregateTypeName(type)), type);
  }
  EXPECT_EQ(AggregateTypeName(AggregateType::kApproxCountDistinct), "approx_count_distinct");
  EXPECT_EQ(ParseAggregateType("median"), std::nullopt);
}

TEST(ResolveColumnTest, FindsDeclaredNamesThenTheLongestJsonColumn) {
  const Schema schema = TestSchema();
  const auto ref = [&](std::string_view name) { return ResolveColumn(schema, name); };
  EXPECT_EQ(ref("i")->id, 1);
  EXPECT_EQ(ref("_seq")->id, kSequenceColumnId);
  EXPECT_EQ(ref("doc.dotted")->id, 8);  // the declared name wins
  EXPECT_TRUE(ref("doc.dotted")->path.empty());
  EXPECT_EQ(ref("doc\\.dotted")->id, 8);
  EXPECT_EQ(ref("doc.a.b")->id, 7);
  EXPECT_EQ(ref("doc.a.b")->path, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(ref("doc.inner.x")->id, 13);  // not doc, then inner.x
  EXPECT_EQ(ref("doc.inner.x")->path, (std::vector<std::string>{"x"}));
  EXPECT_EQ(ref("doc.a\\.b")->path, (std::vector<std::string>{"a.b"}));
  EXPECT_EQ(ref("doc.")->path, (std::vector<std::string>{""}));
  EXPECT_FALSE(ref("s.x"));
  EXPECT_FALSE(ref("nope"));
  EXPECT_FALSE(ref("doc.a\\"));
}

TEST(BindFilterTest, ComparisonsAreExactInTheColumnsDomain) {
  const auto bound = [](const char* column, Operator op, Literal literal) {
    return Bound(Compare(column, op, literal));
  };
  EXPECT_EQ(bound("i", Operator::kGt, Number("1.5")), bound("i", Operator::kGte, Number("2")));
  EXPECT_EQ(bound("i", Operator::kGte, Number("1.5")), bound("i", Operator::kGte, Number("2")));
  EXPECT_EQ(bound("i", Operator::kLt, Number("1.5")), bound("i", Operator::kLte, Number("1")));
  EXPECT_EQ(bound("i", Operator::kLt, Number("-1.5")), bound("i", Operator::kLte, Number("-2")));
  EXPECT_EQ(bound("i", Operator::kGt, Number("9007199254740993.5")),
            bound("i", Operator::kGte, Number("9007199254740994")));
  EXPECT_EQ(bound("d", Operator::kGt, Number("0.125")), bound("d", Operator::kGte, Number("0.13")));
  EXPECT_EQ(bound("small", Operator::kLt, Number("300")),
            bound("small", Operator::kLte, Number("127")));
}

TEST(BindFilterTest, WhatNoValueCanBeIsFalseForValuesAndUnknownForNulls) {
  for (const Filter& filter :
       {Compare("i", Operator::kEq, Number("1.5")), Compare("small", Operator::kGt, Number("300")),
        Compare("small", Operator::kIn, List({Number("300"), Number("0.5")})),
        Compare("u", Operator::kLt, Number("-1"))}) {
    const Predicate predicate = BoundPredicate(filter);
    EXPECT_EQ(predicate.kind, Kind::kNotNullIs) << filter.pointer;
    EXPECT_FALSE(predicate.constant);
  }
}

TEST(BindFilterTest, NullLiterals) {
  EXPECT_EQ(BoundPredicate(Compare("s", Operator::kEq, Null())).kind, Kind::kIsNull);
  EXPECT_EQ(BoundPredicate(Compare("s", Operator::kExists, Bool(false))).kind, Kind::kIsNull);
  const Predicate exists = BoundPredicate(Compare("s", Operator::kExists, Bool(true)));
  ASSERT_EQ(exists.kind, Kind::kNot);
  EXPECT_EQ(exists.children[0].kind, Kind::kIsNull);
  const Predicate not_null = BoundPredicate(Compare("s", Operator::kNe, Null()));
  ASSERT_EQ(not_null.kind, Kind::kNot);
  EXPECT_EQ(not_null.children[0].kind, Kind::kIsNull);
  for (const Operator op : {Operator::kGt, Operator::kLte, Operator::kLike, Operator::kContains}) {
    const Predicate unknown = BoundPredicate(Compare("s", op, Null()));
    EXPECT_EQ(unknown.kind, Kind::kIn);
    EXPECT_TRUE(unknown.values.empty());
    EXPECT_TRUE(unknown.in_has_null);
  }
}

TEST(BindFilterTest, InSortsAndDropsDuplicates) {
  const Predicate predicate = BoundPredicate(Compare(
      "i", Operator::kIn, List({Number("3"), Number("1"), Number("3.0"), Number("0.5"), Null()})));
  EXPECT_EQ(predicate.kind, Kind::kIn);
  EXPECT_EQ(predicate.values, (std::vector<Value>{std::int64_t{1}, std::int64_t{3}}));
  EXPECT_TRUE(predicate.in_has_null);
  const Predicate none = BoundPredicate(Compare("i", Operator::kIn, List({})));
  EXPECT_EQ(none.kind, Kind::kConstant);
  EXPECT_FALSE(none.constant);
  EXPECT_EQ(BoundPredicate(Compare("i", Operator::kNin, List({Number("1")}))).kind, Kind::kNot);
}

TEST(BindFilterTest, BetweenIsBothBounds) {
  EXPECT_EQ(Bound(Compare("i", Operator::kBetween, List({Number("1"), Number("2")}))),
            Bound(Combined(Filter::Kind::kAnd, {Compare("i", Operator::kGte, Number("1")),
                                                Compare("i", Operator::kLte, Number("2"))})));
  EXPECT_EQ(Refused(Compare("i", Operator::kBetween, List({Number("1")}))).code(),
            Code::kInvalidLiteral);
}

TEST(BindFilterTest, JsonPathsKeepTheirLiterals) {
  const Predicate leaf = BoundPredicate(Compare("doc.n", Operator::kGt, Number("1.50")));
  EXPECT_EQ(leaf.kind, Kind::kGreater);
  EXPECT_EQ(leaf.path, (std::vector<std::string>{"n"}));
  EXPECT_TRUE(leaf.values.empty());
  ASSERT_EQ(leaf.json.size(), 1u);
  EXPECT_EQ(leaf.json[0].text, "1.50");
  const Predicate contains = BoundPredicate(Compare("doc", Operator::kContains, Text("x")));
  EXPECT_EQ(contains.kind, Kind::kContains);
  EXPECT_EQ(contains.pattern, "x");
  EXPECT_EQ(contains.json.size(), 1u);
}

TEST(BindFilterTest, ContainsOnAListAsksForAnElement) {
  const Predicate leaf = BoundPredicate(Compare("tags", Operator::kContains, Text("x")));
  EXPECT_EQ(leaf.kind, Kind::kEqual);
  EXPECT_EQ(leaf.values, (std::vector<Value>{std::string("x")}));
  EXPECT_EQ(BoundPredicate(Compare("s", Operator::kContains, Text("x"))).kind, Kind::kContains);
}

TEST(BindFilterTest, AMissingColumnLeavesNothing) {
  EXPECT_EQ(Bound(Compare("nope", Operator::kEq, Number("1"))), "nothing");
  EXPECT_EQ(Bound(Combined(Filter::Kind::kOr, {Compare("i", Operator::kEq, Number("1")),
                                               Compare("nope", Operator::kEq, Number("1"))})),
            "nothing");
}

TEST(BindFilterTest, RefusalsPointAtTheLiteral) {
  struct Case {
    Filter filter;
    Code code;
    std::string pointer;
  };
  const std::vector<Case> cases = {
      {Compare("i", Operator::kEq, Text("abc")), Code::kInvalidLiteral, "/filters/i/eq"},
      {Compare("i", Operator::kIn, List({Number("1"), Bool(true)})), Code::kInvalidLiteral,
       "/filters/i/in/1"},
      {Compare("i", Operator::kIn, Number("1")), Code::kInvalidLiteral, "/filters/i/in"},
      {Compare("i", Operator::kBetween, List({Number("1"), Text("x")})), Code::kInvalidLiteral,
       "/filters/i/between/1"},
      {Compare("i", Operator::kLike, Text("1%")), Code::kTypeMismatch, "/filters/i/like"},
      {Compare("b", Operator::kStartsWith, Text("t")), Code::kTypeMismatch,
       "/filters/b/starts_with"},
      {Compare("s", Operator::kLike, Number("1")), Code::kInvalidLiteral, "/filters/s/like"},
      {Compare("s", Operator::kLike, Text("50%\\")), Code::kInvalidLiteral, "/filters/s/like"},
      {Compare("s", Operator::kRegex, Text("a(b")), Code::kInvalidLiteral, "/filters/s/regex"},
      {Compare("s", Operator::kExists, Number("1")), Code::kInvalidLiteral, "/filters/s/exists"},
      {Compare("deep", Operator::kEq, Number("1")), Code::kTypeMismatch, "/filters/deep/eq"},
      {Compare("doc.a", Operator::kGt, List({Number("1")})), Code::kInvalidLiteral,
       "/filters/doc.a/gt"},
  };
  for (const Case& c : cases) {
    const Status status = Refused(c.filter);
    EXPECT_EQ(status.code(), c.code) << c.filter.pointer << ": " << status.ToString();
    ASSERT_EQ(status.fields().size(), 1u) << status.ToString();
    EXPECT_EQ(status.fields()[0].pointer, c.pointer);
  }
  EXPECT_TRUE(Refused(Compare("s", Operator::kLike, Text("50%\\\\"))).ok());
}

}  // namespace
}  // namespace granary::query
