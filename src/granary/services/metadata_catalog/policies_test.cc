// The pure parts: which policy holds, what is due.
#include <gtest/gtest.h>

#include "granary/services/metadata_catalog/compaction_schedule.h"
#include "granary/services/metadata_catalog/policy_book.h"

namespace granary::catalog {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

TEST(PolicyForTest, TheNearestThatSaysSomethingHolds) {
  Policies policies;
  const api::CompactionPolicy own{
      .enabled = true, .interval_minutes = 60, .min_file_size_mb = 50, .window = ""};
  EXPECT_EQ(PolicyFor(policies, "acme", "s", own), own);
  policies[{"", ""}] = {.interval_minutes = 10, .window = "01:00-02:00"};
  policies[{"acme", ""}] = {.interval_minutes = 5};
  policies[{"acme", "s"}] = {.enabled = false};
  const api::CompactionPolicy of_s = PolicyFor(policies, "acme", "s", own);
  EXPECT_EQ(of_s.enabled, false);
  EXPECT_EQ(of_s.interval_minutes, 5);
  EXPECT_EQ(of_s.window, "01:00-02:00");
  EXPECT_EQ(of_s.min_file_size_mb, 50);
  EXPECT_EQ(PolicyFor(policies, "acme", "t", own).enabled, true);
  EXPECT_EQ(PolicyFor(policies, "other", "s", own).interval_minutes, 10);
}

TEST(PoliciesOfTest, ATenantHearsOfItsOwnAlone) {
  Policies policies;
  policies[{"", ""}] = {.interval_minutes = 10};
  policies[{"acme", ""}] = {.enabled = false};
  policies[{"acme", "s"}] = {.interval_minutes = 1};
  policies[{"acme2", "t"}] = {.interval_minutes = 2};
  const api::NodePolicies acme = PoliciesOf(policies, "acme");
  EXPECT_EQ(acme.others, (api::CompactionPolicy{.enabled = false, .interval_minutes = 10}));
  ASSERT_EQ(acme.sources.size(), 1u);
  EXPECT_EQ(acme.sources.begin()->second,
            (api::CompactionPolicy{.enabled = false, .interval_minutes = 1}));
  EXPECT_TRUE(PoliciesOf(policies, "nobody").sources.empty());
}

TEST(ParsePolicyPutTest, SaysWhoseItIsAndWhatIsWrong) {
  const auto all = ParsePolicyPut(R"({"policy":{"enabled":false}})");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->scope, PolicyScope());
  EXPECT_EQ(ParsePolicyPut(R"({"tenant_id":"a","source_id":"s","policy":null})")->policy,
            std::nullopt);
  for (const char* bad :
       {"{}", R"({"source_id":"s","policy":{}})", R"({"tenant_id":"../a","policy":{}})",
        R"({"tenant_id":"a","policy":{"enabled":1}})", R"({"tenant_id":"a","policy":3})",
        R"({"policy":{},"more":1})"}) {
    const auto put = ParsePolicyPut(bad);
    ASSERT_FALSE(put.ok()) << bad;
    EXPECT_FALSE(put.status().fields().empty()) << bad;
  }
}

ScheduledSource Due(const char* source = "s") {
  return {.tenant = "acme",
          .source = source,
          .policy = {.enabled = true, .interval_minutes = 10},
          .node_is_heard = true,
          .last_us = 0,
          .merges = 3,
          .told_us = kMinute};
}

std::size_t CountDue(const ScheduledSource& source, std::int64_t now_us = 10 * kMinute) {
  return PickDueCompactions({&source, 1}, now_us, 10).size();
}

TEST(PickDueCompactionsTest, AnIntervalIsOverAtItsEnd) {
  EXPECT_EQ(CountDue(Due(), 10 * kMinute - 1), 0u);
  EXPECT_EQ(CountDue(Due(), 10 * kMinute), 1u);
  EXPECT_EQ(CountDue(Due(), 10 * kMinute + 1), 1u);
}

TEST(PickDueCompactionsTest, WhateverStandsAgainstItCounts) {
  ScheduledSource source = Due();
  source.node_is_heard = false;
  EXPECT_EQ(CountDue(source), 0u);
  source = Due();
  source.is_open = true;
  EXPECT_EQ(CountDue(source), 0u);
  source = Due();
  source.merges = 0;
  EXPECT_EQ(CountDue(source), 0u);
  source = Due();
  source.policy.enabled = false;
  EXPECT_EQ(CountDue(source), 0u);
  source = Due();
  source.policy.window = "12:00-13:00";  // It is ten past midnight.
  EXPECT_EQ(CountDue(source), 0u);
  source.policy.window = "00:00-01:00";
  EXPECT_EQ(CountDue(source), 1u);
  source = Due();
  source.last_us = 2 * kMinute;  // What was told is older than the last compaction.
  EXPECT_EQ(CountDue(source, 100 * kMinute), 0u);
}

TEST(PickDueCompactionsTest, ThoseThatAreLateByMostIntervalsComeFirstAsFarAsThereIsRoom) {
  std::vector<ScheduledSource> sources = {Due("a"), Due("b"), Due("c")};
  sources[1].policy.interval_minutes = 1;
  sources[2].policy.interval_minutes = 5;
  const auto due = PickDueCompactions(sources, 20 * kMinute, 2);
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].source, "b");
  EXPECT_EQ(due[1].source, "c");
  EXPECT_EQ(due[0].reason, "3 merges pay, and its interval of 1 minutes is over");
  EXPECT_TRUE(PickDueCompactions(sources, 20 * kMinute, 0).empty());
}

}  // namespace
}  // namespace granary::catalog
