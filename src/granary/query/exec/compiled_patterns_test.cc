// Goal: patterns take what the query's budget gave for them, are compiled once, and are looked at
// for their length; a query that has ended compiles no more of them.
#include "granary/query/exec/compiled_patterns.h"

#include <gtest/gtest.h>

#include "granary/types/pattern_program.h"

namespace granary::query {
namespace {

constexpr std::uint64_t kShare = 4u << 20;

Filter Pattern(Operator op, std::string text) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = "s";
  filter.op = op;
  filter.literal = {Literal::Kind::kString, false, std::move(text), {}};
  filter.pointer = "/filters/s/" + std::string(OperatorName(op));
  return filter;
}
Filter AnyOf(std::size_t count, const std::string& text) {
  Filter any;
  any.kind = Filter::Kind::kOr;
  any.children.assign(count, Pattern(Operator::kRegex, text));
  return any;
}

class CompiledPatternsTest : public ::testing::Test {
 protected:
  Status Compile(Filter filter) {
    filter_ = std::move(filter);
    return CompilePatterns(filter_, context_, memory_);
  }

  runtime::WorkerPool pool_{{.threads = 1}};
  runtime::MemoryBudget share_{"query", kShare};
  QueryContext context_{.pool = pool_, .memory = &share_};
  runtime::MemoryReservation memory_{&share_};
  Filter filter_;
};

TEST_F(CompiledPatternsTest, APatternIsTakenUpToItsLength) {
  context_.pattern_bytes_max = 100;
  for (const Operator op : {Operator::kLike, Operator::kILike, Operator::kRegex}) {
    for (const std::size_t bytes : {99u, 100u, 101u}) {
      const Status status = Compile(Pattern(op, std::string(bytes, 'a')));
      EXPECT_EQ(status.code(), bytes > 100 ? Code::kTooLarge : Code::kOk) << bytes;
      if (bytes > 100) {
        EXPECT_EQ(status.fields().at(0).pointer, filter_.pointer);
        EXPECT_NE(status.ToString().find("MAX_PATTERN_BYTES"), std::string::npos);
      }
    }
  }
  EXPECT_TRUE(Compile(Pattern(Operator::kContains, std::string(1000, 'a'))).ok());
}

TEST_F(CompiledPatternsTest, WhatPatternsTakeIsReservedAndMoreThanTheShareIsRefused) {
  constexpr std::size_t kMost = kShare / kPatternMemoryMin;
  ASSERT_TRUE(Compile(AnyOf(1, "a+b")).ok());
  EXPECT_GE(share_.reserved(), kPatternMemoryMin);
  for (const std::size_t count : {kMost - 1, kMost, kMost + 1}) {
    memory_.ShrinkTo(0);
    const Status status = Compile(AnyOf(count, "a+b"));
    EXPECT_EQ(status.code(), count > kMost ? Code::kTooLarge : Code::kOk) << count;
  }
  memory_.ShrinkTo(0);
  // Each has a share of its own, and this one needs more.
  EXPECT_EQ(Compile(AnyOf(20, "\\pL{100}")).code(), Code::kTooLarge);
  EXPECT_EQ(Compile(Pattern(Operator::kRegex, "(")).code(), Code::kInvalidLiteral);
}

TEST_F(CompiledPatternsTest, AQueryThatHasEndedCompilesNoMore) {
  context_.cancel.Cancel();
  EXPECT_EQ(Compile(AnyOf(3, "a+b")).code(), Code::kCancelled);
  for (const Filter& pattern : filter_.children) EXPECT_EQ(pattern.program, nullptr);
}

// Bound to schema after schema, it is the same program.
TEST_F(CompiledPatternsTest, APatternIsCompiledOnce) {
  const Schema schema(1, ColumnId{1}, {{.id = 1, .name = "s", .type = TypeKind::kString}});
  for (const Operator op : {Operator::kRegex, Operator::kILike}) {
    ASSERT_TRUE(Compile(Pattern(op, "%a_")).ok());
    const auto program = filter_.program;
    ASSERT_NE(program, nullptr);
    const auto bound = BindFilter(filter_, schema);
    ASSERT_TRUE(bound.ok() && bound->has_value());
    EXPECT_EQ((*bound)->program, program);
    EXPECT_FALSE(HasPatterns(filter_));
    EXPECT_EQ(program->Matches("xAb"), op == Operator::kILike);
  }
}

}  // namespace
}  // namespace granary::query
