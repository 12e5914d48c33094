// Goal: what a node tells arrives as it was, and what lies is refused alone, with its place.
#include "granary/api/feedback_json.h"

#include <gtest/gtest.h>

#include <limits>

namespace granary::api {
namespace {

using query::QueryFeedback;
using query::Unit;

QueryFeedback SomeFeedback() {
  QueryFeedback of;
  of.at_us = 1'700'000'000'000'000;
  of.source = "sales";
  of.model_version = "learned-3-00000001";
  of.shape = 0xFEDC'BA98'7654'3210;
  of.shape_text = "a = ? AND \"b\" > ?";
  of.rows_by_statistics = 12.5;
  of.correction = 3;
  of.rows_estimated = 37.5;
  of.rows = 40;
  of.rows_known = true;
  of.ns_estimated = 1e6;
  of.ns = 2e6;
  of.operators = {{.path = query::AccessPath::kBtreeIndex,
                   .way = static_cast<query::Way>(query::kSingle + 2),
                   .segments = 4,
                   .rows_estimated = 3,
                   .ns_estimated = 5,
                   .rows = 7,
                   .ns = 11}};
  of.operators[0].work[Unit::kIndexRow] = 1.0 / 3;
  of.questions = {{.shape = 5,
                   .text = "a = ?",
                   .place = 1,
                   .rows_by_statistics = 2,
                   .correction = 0.5,
                   .rows = 3}};
  of.rejected = {{.way = query::kScan, .examined = 9, .ns = 10}};
  of.facts.shape.filters = true;
  of.facts.shape.checks[Unit::kCheckNumber] = 2;
  of.facts.shape.limit = 10;
  of.facts.questions = {{query::IndexQuestion::Kind::kRange, 0},
                        {query::IndexQuestion::Kind::kEqual, 3}};
  of.facts.nodes = {{query::IndexQuestions::Node::Kind::kQuestion, 0, {}},
                    {query::IndexQuestions::Node::Kind::kQuestion, 1, {}},
                    {query::IndexQuestions::Node::Kind::kAnd, 0, {0, 1}}};
  of.facts.root = 2;
  query::FactsClass& segments = of.facts.classes.emplace_back();
  segments.segments = 3;
  segments.facts = {.rows = 1000, .row_groups = 2, .matches = 0.25, .cached = false};
  segments.indexes = {{.btree = true}, {.hash = true, .bloom = true}};
  segments.named = {0.5, 0.125};
  return of;
}

TEST(FeedbackJsonTest, ArrivesAsItWas) {
  const QueryFeedback of = SomeFeedback();
  const auto body = ReadFeedback(FeedbackJson("node-1", "acme", {of, of}));
  ASSERT_TRUE(body.ok()) << body.status().ToString();
  EXPECT_EQ(body->node, "node-1");
  EXPECT_EQ(body->tenant, "acme");
  EXPECT_EQ(body->refused, 0u);
  ASSERT_EQ(body->records.size(), 2u);
  const QueryFeedback& got = body->records[1];
  std::string sent, again;
  AppendFeedback(of, sent);
  AppendFeedback(got, again);
  EXPECT_EQ(sent, again);
  EXPECT_EQ(got.shape, of.shape);
  EXPECT_EQ(got.operators[0].way, of.operators[0].way);
  EXPECT_EQ(got.operators[0].work, of.operators[0].work);
  EXPECT_EQ(got.facts.classes[0].named, of.facts.classes[0].named);
  EXPECT_EQ(got.facts.classes[0].facts.cached, false);
  EXPECT_EQ(got.facts.nodes[2].parts, of.facts.nodes[2].parts);
  EXPECT_EQ(got.facts.shape.limit, 10u);
}

TEST(FeedbackJsonTest, ANodeNeverSendsWhatIsNoNumber) {
  QueryFeedback of = SomeFeedback();
  of.ns = of.rows_estimated = std::numeric_limits<double>::quiet_NaN();
  of.facts.classes[0].facts.matches = std::numeric_limits<double>::infinity();
  const auto body = ReadFeedback(FeedbackJson("n", "t", {of}));
  ASSERT_TRUE(body.ok()) << body.status().ToString();
  EXPECT_EQ(body->records.size(), 1u);
  EXPECT_TRUE(body->records[0].facts.classes.empty());  // They were not sound.
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(FeedbackJsonTest, ARecordThatLiesIsRefusedAloneWithItsPlace) {
  const std::string good = FeedbackJson("node-1", "acme", {SomeFeedback(), SomeFeedback()});
  const auto fault = [&](std::string_view from, std::string_view to) -> std::string {
    const auto body = ReadFeedback(Replaced(good, from, to));
    if (!body.ok()) return "whole: " + body.status().ToString();
    EXPECT_EQ(body->records.size(), 1u) << to;
    EXPECT_EQ(body->refused, 1u) << to;
    return body->faults.empty() ? "none" : body->faults[0].pointer;
  };
  EXPECT_EQ(fault("\"ns\":2000000", "\"ns\":-1"), "/records/0/ns");
  EXPECT_EQ(fault("\"ns\":2000000", "\"ns\":1e300"), "/records/0/ns");
  EXPECT_EQ(fault("\"ns\":2000000", "\"ns\":\"NaN\""), "/records/0/ns");
  EXPECT_EQ(fault("\"ns\":2000000", "\"ns\":1e999"), "/records/0/ns");
  EXPECT_EQ(fault("\"rows\":40", "\"rows\":-40"), "/records/0/rows");
  EXPECT_EQ(fault("btree_index", "teleport"), "/records/0/operators/0/path");
  EXPECT_EQ(fault("single-2", "single-99"), "/records/0/operators/0/way");
  EXPECT_EQ(fault("index_row_ns", "wishes_ns"), "/records/0/operators/0/work/wishes_ns");
  EXPECT_EQ(fault("\"matches\":0.25", "\"matches\":7"), "/records/0/facts/classes/0/matches");
  EXPECT_EQ(fault("\"root\":2", "\"root\":1, \"x\":1"), "/records/0/facts/x");
  EXPECT_EQ(fault("\"parts\":[0,1]", "\"parts\":[0,2]"), "/records/0/facts");
  EXPECT_EQ(fault("\"source_id\":\"sales\"", "\"source_id\":\"../etc\""), "/records/0/source_id");
  EXPECT_EQ(fault("\"source_id\":\"sales\"", "\"node_id\":\"node-2\",\"source_id\":\"sales\""),
            "/records/0/node_id");
  EXPECT_EQ(fault("\"shape\":\"fedcba9876543210\"", "\"shape\":\"xyz\""), "/records/0/shape");
}

TEST(FeedbackJsonTest, ABodyThatIsNoneIsRefusedWhole) {
  for (const std::string_view body : {"", "[]", "{}", R"({"node_id":"n","tenant_id":"t"})",
                                      R"({"node_id":"","tenant_id":"t","records":[]})",
                                      R"({"node_id":"a/b","tenant_id":"t","records":[]})",
                                      R"({"node_id":"n","tenant_id":"t","records":[],"x":1})",
                                      R"({"node_id":"n","tenant_id":"t","records":{}})"})
    EXPECT_FALSE(ReadFeedback(body).ok()) << body;
  std::string many = R"({"node_id":"n","tenant_id":"t","records":[)";
  for (std::size_t i = 0; i < kFeedbackRecordsMax; ++i) many += i == 0 ? "1" : ",1";
  const auto most = ReadFeedback(many + "]}");
  ASSERT_TRUE(most.ok());
  EXPECT_EQ(most->refused, kFeedbackRecordsMax);
  EXPECT_EQ(most->faults.size(), kFeedbackFaultsMax);
  EXPECT_FALSE(ReadFeedback(many + ",1]}").ok());
}

}  // namespace
}  // namespace granary::api
