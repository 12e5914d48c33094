#include "granary/storage/source/compaction_rules.h"

#include <gtest/gtest.h>

#include "granary/storage/source/store.h"

namespace granary::storage {
namespace {

SourceId Id(const char* text) { return SourceId::Parse(text).Take(); }

TEST(CompactionRulesTest, WithoutRulesTheNodesOwnSettingsHold) {
  const CompactionRuleBook book;
  CompactionOptions own;
  own.min_bytes = 7;
  const CompactionOptions out = book.For(Id("a"), own);
  EXPECT_EQ(out.min_bytes, 7u);
  EXPECT_TRUE(out.automatic);
  EXPECT_TRUE(out.timed);
  EXPECT_EQ(book.version(), 0u);
}

TEST(CompactionRulesTest, ANamedSourceHasItsRuleAndTheOthersTheirs) {
  CompactionRuleBook book;
  CompactionRules rules;
  rules.others.automatic = false;
  rules.others.hours = DailyWindow::Parse("22:00-23:00");
  rules.sources[Id("a")] = {.automatic = true,
                            .interval_us = 5,
                            .min_bytes = 1,
                            .target_bytes = 2,
                            .max_bytes = 3,
                            .hours = {}};
  rules.timed_elsewhere = true;
  book.Set(rules);
  EXPECT_EQ(book.version(), 1u);
  const CompactionOptions own{.interval_us = 100};
  const CompactionOptions a = book.For(Id("a"), own), b = book.For(Id("b"), own);
  EXPECT_TRUE(a.automatic);
  EXPECT_EQ(a.interval_us, 5);
  EXPECT_EQ(a.min_bytes, 1u);
  EXPECT_EQ(a.target_bytes, 2u);
  EXPECT_EQ(a.max_bytes, 3u);
  EXPECT_TRUE(a.hours.is_always());
  EXPECT_FALSE(a.timed);
  EXPECT_FALSE(b.automatic);
  EXPECT_EQ(b.interval_us, 100);
  EXPECT_FALSE(b.hours.is_always());
}

TEST(CompactionRulesTest, TheNewestRulesHold) {
  CompactionRuleBook book;
  CompactionRules rules;
  rules.others.automatic = false;
  book.Set(rules);
  book.Set({});
  EXPECT_TRUE(book.For(Id("a"), {}).automatic);
  EXPECT_TRUE(book.For(Id("a"), {}).timed);
  EXPECT_EQ(book.version(), 2u);
}

}  // namespace
}  // namespace granary::storage
