#include "granary/types/predicate.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

using Kind = Predicate::Kind;

Schema Sales() {
  return Schema(1, 3,
                {{1, "amount", TypeKind::kFloat64},
                 {2, "region", TypeKind::kString},
                 {3, "doc", TypeKind::kJson}});
}

Predicate Leaf(Kind kind, ColumnId column, DataType type, std::vector<Value> values) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.column = column;
  leaf.type = std::move(type);
  leaf.values = std::move(values);
  return leaf;
}

Predicate Amount() { return Leaf(Kind::kGreater, 1, TypeKind::kFloat64, {1.5}); }
Predicate Region() {
  return Leaf(Kind::kIn, 2, TypeKind::kString, {std::string("eu"), std::string("o'us")});
}

TEST(PredicateTest, PrintsAsAPersonWouldWriteIt) {
  EXPECT_EQ(Predicate::And({Amount(), Region()}).ToString(Sales()),
            "amount > 1.5 AND region IN ('eu', 'o''us')");
  EXPECT_EQ(Predicate::Or({Predicate::And({Amount(), Region()}), Predicate::Not(Amount())})
                .ToString(Sales()),
            "(amount > 1.5 AND region IN ('eu', 'o''us')) OR NOT (amount > 1.5)");
  Predicate path = Leaf(Kind::kEqual, 3, TypeKind::kJson, {});
  path.path = {"a", "b"};
  path.json = {{Literal::Kind::kNumber, false, "1.0", {}}};
  EXPECT_EQ(path.ToString(Sales()), "doc.a.b = 1.0");
  Predicate like = Leaf(Kind::kLike, 2, TypeKind::kString, {});
  like.pattern = "e%";
  EXPECT_EQ(like.ToString(Sales()), "region LIKE 'e%'");
  EXPECT_EQ(
      Leaf(Kind::kLess, kSequenceColumnId, TypeKind::kInt64, {std::int64_t{5}}).ToString(Sales()),
      "_seq < 5");
}

TEST(PredicateTest, FlattensAndKeepsTheNeutralElements) {
  const Predicate nested = Predicate::And({Predicate::And({Amount(), Region()}), Amount()});
  EXPECT_EQ(nested.children.size(), 3u);
  EXPECT_EQ(Predicate::And({}).ToString(Sales()), "true");
  EXPECT_EQ(Predicate::Or({}).ToString(Sales()), "false");
  EXPECT_EQ(Predicate::And({Amount()}).kind, Kind::kGreater);
  EXPECT_EQ(Predicate::And({Predicate::Or({Amount(), Region()}), Amount()}).children.size(), 2u);
}

TEST(PredicateTest, NamesEachColumnOnce) {
  const Predicate predicate =
      Predicate::Or({Region(), Predicate::Not(Amount()), Region(), Predicate::Constant(true)});
  EXPECT_EQ(predicate.Columns(), (std::vector<ColumnId>{1, 2}));
}

}  // namespace
}  // namespace granary
