#include "granary/services/metadata_catalog/schema_check.h"

#include <gtest/gtest.h>

#include "granary/api/request_json.h"

namespace granary::catalog {
namespace {

CheckedSource Sales() {
  CheckedSource out;
  out.definition.id = SourceId::Parse("sales").Take();
  out.definition.columns = {{"id", TypeKind::kInt64}, {"note", TypeKind::kString}};
  out.definition.indexes = {{"note", {}}};
  out.schema = storage::InitialSchema(out.definition).Take();
  return out;
}

SchemaVerdict Check(const CheckedSource& source, const char* change) {
  const auto parsed = api::ParseSourceChange(change);
  EXPECT_TRUE(parsed.ok()) << change;
  return CheckSchemaChange(source, *parsed);
}

TEST(SchemaCheckTest, AnAddedColumnBreaksNothing) {
  const SchemaVerdict verdict = Check(Sales(), R"({"add_columns":{"amount":"float64"}})");
  EXPECT_TRUE(verdict.refused.ok());
  EXPECT_TRUE(verdict.breaks.empty());
  ASSERT_TRUE(verdict.next);
  EXPECT_EQ(verdict.next->version(), 2u);
  EXPECT_EQ(verdict.change, "added amount (float64)");
}

TEST(SchemaCheckTest, SaysWhatADropARenameAndAWideningBreak) {
  CheckedSource source = Sales();
  source.definition.indexes.clear();
  const SchemaVerdict verdict =
      Check(source, R"({"rename_columns":{"id":"key"},"drop_columns":["note"]})");
  ASSERT_TRUE(verdict.refused.ok()) << verdict.refused.ToString();
  ASSERT_EQ(verdict.breaks.size(), 2u);
  EXPECT_NE(verdict.breaks[0].find("\"id\" is called \"key\""), std::string::npos);
  EXPECT_NE(verdict.breaks[1].find("\"note\" is not there any more"), std::string::npos);
}

TEST(SchemaCheckTest, WhatTheNodeRefusesIsRefusedWithItsPlace) {
  const SchemaVerdict verdict = Check(Sales(), R"({"drop_columns":["note"]})");
  EXPECT_EQ(verdict.refused.code(), Code::kInvalidDefinition);
  ASSERT_EQ(verdict.refused.fields().size(), 1u);
  EXPECT_EQ(verdict.refused.fields()[0].pointer, "/drop_columns/0");
  CheckedSource full = Sales();
  full.columns_max = 2;
  EXPECT_FALSE(Check(full, R"({"add_columns":{"a":"string"}})").refused.ok());
}

TEST(SchemaCheckTest, AWideningIsJudgedByTheBoundsThatWereTold) {
  CheckedSource source = Sales();
  const char* change = R"({"widen_columns":{"id":"float64"}})";
  SchemaVerdict verdict = Check(source, change);
  EXPECT_TRUE(verdict.refused.ok() && verdict.depends_on_values);
  ColumnStats stats;
  stats.rows = 2;
  stats.nulls = 0;
  stats.min = std::int64_t{1};
  stats.max = std::int64_t{1} << 53;
  source.bounds.emplace();
  (*source.bounds)[1] = stats;
  verdict = Check(source, change);
  EXPECT_TRUE(verdict.refused.ok()) << verdict.refused.ToString();
  EXPECT_FALSE(verdict.depends_on_values);
  (*source.bounds)[1].max = (std::int64_t{1} << 53) + 1;
  verdict = Check(source, change);
  EXPECT_EQ(verdict.refused.code(), Code::kInvalidDefinition);
  EXPECT_EQ(verdict.refused.fields().at(0).pointer, "/widen_columns/id");
}

TEST(SchemaCheckTest, ASchemaThatIsWantedIsAChange) {
  const CheckedSource source = Sales();
  const storage::SourceChange change =
      ChangeTo(source.schema, {{"id", TypeKind::kFloat64}, {"more", TypeKind::kString}});
  ASSERT_EQ(change.add_columns.size(), 1u);
  EXPECT_EQ(change.add_columns[0].name, "more");
  ASSERT_EQ(change.widen_columns.size(), 1u);
  EXPECT_EQ(change.drop_columns, std::vector<std::string>{"note"});
}

TEST(ParseSchemaQuestionTest, OneOfChangeAndSchemaIsAsked) {
  EXPECT_TRUE(
      ParseSchemaQuestion(R"({"tenant_id":"a","source_id":"s","change":{"drop_columns":["x"]}})")
          .ok());
  EXPECT_EQ(
      ParseSchemaQuestion(R"({"tenant_id":"a","source_id":"s","schema_definition":{"x":"int64"}})")
          ->wanted.size(),
      1u);
  for (const char* bad :
       {R"({"tenant_id":"a","source_id":"s"})",
        R"({"tenant_id":"a","source_id":"s","change":{},"schema_definition":{}})",
        R"({"tenant_id":"a","source_id":"..","change":{}})", R"({"source_id":"s","change":{}})",
        R"({"tenant_id":"a","source_id":"s","change":{"dropp":1}})",
        R"({"tenant_id":"a","source_id":"s","change":{"add_columns":{"x":"int65"}}})"}) {
    EXPECT_FALSE(ParseSchemaQuestion(bad).ok()) << bad;
  }
  const auto nested =
      ParseSchemaQuestion(R"({"tenant_id":"a","source_id":"s","change":{"dropp":1}})");
  EXPECT_EQ(nested.status().fields().at(0).pointer, "/change/dropp");
}

}  // namespace
}  // namespace granary::catalog
