// Goal: picking the groups to show of a large answer ends soon after its query is cancelled.
#include "granary/query/exec/answer_rows.h"

#include <gtest/gtest.h>

#include <functional>

namespace granary::query {
namespace {

AnswerColumns ManyGroups(const DataType& type, const std::function<Value(std::int64_t)>& value) {
  AnswerColumns answer;
  answer.columns = {{"a", type, false}};
  answer.groups = 100'000;
  auto& values = answer.values.emplace_back();
  for (std::size_t i = 0; i < answer.groups; ++i)
    values.push_back(value(static_cast<std::int64_t>(i * 7919 % answer.groups)));
  return answer;
}

AggregateRequest HavingAtLeast(std::string number) {
  AggregateRequest request;
  request.having = Filter{};
  request.having->kind = Filter::Kind::kCompare;
  request.having->column = "a";
  request.having->op = Operator::kGte;
  request.having->literal = {Literal::Kind::kNumber, false, std::move(number), {}};
  request.having->pointer = "/having/a/gte";
  return request;
}

AggregateRequest OrderedBy(Direction direction) {
  AggregateRequest request;
  request.order_by.push_back({"a", direction, "/order_by/0"});
  return request;
}

TEST(PickGroupsTest, HavingGoesThroughAllGroupsInOrder) {
  const AnswerColumns answer = ManyGroups(TypeKind::kInt64, [](std::int64_t i) { return i; });
  const auto picked = PickGroups(HavingAtLeast("99998"), answer, runtime::CancelToken());
  ASSERT_TRUE(picked.ok());
  ASSERT_EQ(picked->size(), 2u);
  EXPECT_LT((*picked)[0], (*picked)[1]);
  for (const std::uint32_t group : *picked)
    EXPECT_GE(std::get<std::int64_t>(answer.values[0][group]), 99998);
}

TEST(PickGroupsTest, ACancelledQueryGoesThroughNoMoreGroups) {
  runtime::CancelToken cancel;
  cancel.Cancel();
  const AnswerColumns numbers = ManyGroups(TypeKind::kInt64, [](std::int64_t i) { return i; });
  const AnswerColumns json =
      ManyGroups(TypeKind::kJson, [](std::int64_t i) { return std::to_string(i); });
  EXPECT_EQ(PickGroups(HavingAtLeast("0"), numbers, cancel).status().code(), Code::kCancelled);
  for (const AnswerColumns& answer : {numbers, json}) {
    EXPECT_EQ(PickGroups(OrderedBy(Direction::kDescending), answer, cancel).status().code(),
              Code::kCancelled);
  }
}

}  // namespace
}  // namespace granary::query
