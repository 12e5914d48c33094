// Goal: what a node tells arrives as it was told, and what is no such thing is refused with its
// place.
#include "granary/api/publication_json.h"

#include <gtest/gtest.h>

#include <string>

#include "granary/api/catalog_answer_json.h"
#include "granary/base/base64.h"

namespace granary::api {
namespace {

SourceId Id(std::string_view text) { return SourceId::Parse(text).Take(); }

SourceNews ExampleNews() {
  storage::SourceDefinition definition;
  definition.id = Id("sales");
  definition.name = "Sales";
  definition.columns = {{"n", TypeKind::kInt64}};
  const auto schema = std::make_shared<const Schema>(storage::InitialSchema(definition).Take());
  auto meta = std::make_shared<storage::SegmentMeta>();
  meta->id = {7};
  meta->path = "day=2024-01-15/7.parquet";
  meta->bytes = 1000;
  meta->rows = 10;
  meta->min_sequence = 1;
  meta->max_sequence = 10;
  meta->schema_version = 1;
  meta->created_us = 5;
  ColumnStats stats;
  stats.rows = 10;
  stats.nulls = 1;
  stats.min = std::int64_t{9'007'199'254'740'993};
  stats.max = std::int64_t{9'007'199'254'740'994};
  meta->columns[1] = stats;
  SourceNews news;
  news.source = definition.id;
  news.uid = 18'446'744'073'709'551'615u;
  news.number = 1;
  news.flushed_sequence = 10;
  news.definition = std::make_shared<const storage::SourceDefinition>(definition);
  news.schemas = {{schema, 42}};
  news.files = {{meta, schema, "day=2024-01-15", 2}};
  news.files_gone = {{3}};
  news.stats.emplace();
  news.stats->id = definition.id;
  news.stats->schema = news.stats->stats.schema = schema;
  news.stats->stats.columns[1] = stats;
  news.merges = MergeNews{.merges = 2, .bytes = 9, .reason = "small", .debt = {.files = 4}};
  return news;
}

std::string ExampleBody() {
  News news;
  news.sources = {ExampleNews()};
  news.gone = {Id("old")};
  news.all_told = true;
  storage::CompactionJob job;
  job.state = storage::JobState::kFailed;
  job.failure = Status::IoError("a disk");
  return PublicationJson({.key = "k", .tenant = "acme", .session = 3, .policies = 5}, news,
                         {{9, job}});
}

TEST(PublicationJsonTest, ArrivesAsItWasTold) {
  const auto read = ReadPublication(ExampleBody());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->head.key, "k");
  EXPECT_EQ(read->head.tenant, "acme");
  EXPECT_EQ(read->head.session, 3u);
  EXPECT_EQ(read->head.policies, 5u);
  EXPECT_TRUE(read->all_told);
  ASSERT_EQ(read->gone.size(), 1u);
  ASSERT_EQ(read->sources.size(), 1u);
  const PublishedSource& source = read->sources[0];
  EXPECT_EQ(source.uid, 18'446'744'073'709'551'615u);
  EXPECT_EQ(storage::SourceDefinition::Decode(source.definition)->name, "Sales");
  ASSERT_EQ(source.schemas.size(), 1u);
  EXPECT_EQ(source.schemas[0].made_us, 42);
  EXPECT_EQ(source.schemas[0].schema->columns()[0].name, "n");
  ASSERT_EQ(source.files.size(), 1u);
  EXPECT_EQ(source.files[0].columns,
            R"({"1":{"nulls":1,"min":9007199254740993,"max":9007199254740994}})");
  EXPECT_EQ(source.files[0].deleted_rows, 2u);
  EXPECT_EQ(source.files_gone, std::vector<std::uint64_t>{3});
  EXPECT_NE(source.statistics.find("\"source_id\":\"sales\""), std::string::npos);
  const auto bounds = ReadBounds(source.bounds);
  ASSERT_TRUE(bounds.contains(1));
  EXPECT_EQ(std::get<std::int64_t>(bounds.at(1).max), 9'007'199'254'740'994);
  ASSERT_TRUE(source.merges);
  EXPECT_EQ(source.merges->debt_files, 4u);
  ASSERT_EQ(read->compactions.size(), 1u);
  EXPECT_EQ(read->compactions[0].failure, "IO_ERROR: a disk");
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(PublicationJsonTest, WhatIsNoPublicationIsRefusedWithItsPlace) {
  const std::string body = ExampleBody();
  const struct {
    const char *from, *to;
    Code code;
    const char* pointer;
  } cases[] = {
      {"\"path\":\"day=2024-01-15/7.parquet\"", "\"path\":\"../../secret\"", Code::kInvalidPath,
       "/sources/0/files/0/path"},
      {"\"path\":\"day=2024-01-15/7.parquet\"", "\"path\":\"/etc/passwd\"", Code::kInvalidPath,
       "/sources/0/files/0/path"},
      {"\"path\":\"day=2024-01-15/7.parquet\"", "\"path\":\"a/./b\"", Code::kInvalidPath,
       "/sources/0/files/0/path"},
      {"\"path\":\"day=2024-01-15/7.parquet\"", "\"path\":\"a//b\"", Code::kInvalidPath,
       "/sources/0/files/0/path"},
      {"\"path\":\"day=2024-01-15/7.parquet\"", "\"path\":\"a\\u0000b\"", Code::kInvalidPath,
       "/sources/0/files/0/path"},
      {"\"partition\":\"day=2024-01-15\"", "\"partition\":\"..\"", Code::kInvalidPath,
       "/sources/0/files/0/partition"},
      {"\"tenant_id\":\"acme\"", "\"tenant_id\":\"../acme\"", Code::kInvalidIdentifier,
       "/tenant_id"},
      {"\"source_id\":\"sales\"", "\"source_id\":\"a/b\"", Code::kInvalidIdentifier,
       "/sources/0/source_id"},
      {"\"gone\":[\"old\"]", "\"gone\":[\"..\"]", Code::kInvalidIdentifier, "/gone/0"},
      {"\"rows\":10", "\"rows\":-1", Code::kInvalidRequest, "/sources/0/files/0/rows"},
      {"\"rows\":10", "\"rows\":1.5", Code::kInvalidRequest, "/sources/0/files/0/rows"},
      {"\"bytes\":1000", "\"bytes\":4398046511105", Code::kInvalidRequest,
       "/sources/0/files/0/bytes"},
      {"\"deleted_rows\":2", "\"deleted_rows\":11", Code::kInvalidRequest,
       "/sources/0/files/0/deleted_rows"},
      {"\"min_sequence\":1", "\"min_sequence\":11", Code::kInvalidRequest,
       "/sources/0/files/0/min_sequence"},
      {"\"number\":1", "\"number\":0", Code::kInvalidRequest, "/sources/0/number"},
      {"\"files_gone\":[3]", "\"files_gone\":[\"3\"]", Code::kInvalidRequest,
       "/sources/0/files_gone/0/id"},
      {"\"complete\":true", "\"complete\":1", Code::kInvalidRequest, "/sources/0/complete"},
      {"\"session\":3", "\"session\":\"3\"", Code::kInvalidRequest, "/session"},
      {"\"state\":\"failed\"", "\"state\":\"lost\"", Code::kInvalidRequest, "/compactions/0/state"},
      {"\"key\":\"k\"", "\"key\":\"k\",\"extra\":1", Code::kUnknownMember, "/extra"},
      {"\"key\":\"k\"", "\"key\":\"\"", Code::kInvalidRequest, "/key"},
  };
  for (const auto& one : cases) {
    const auto read = ReadPublication(Replaced(body, one.from, one.to));
    ASSERT_FALSE(read.ok()) << one.to;
    EXPECT_EQ(read.status().code(), one.code) << one.to << ": " << read.status().ToString();
    ASSERT_FALSE(read.status().fields().empty()) << one.to;
    EXPECT_EQ(read.status().fields()[0].pointer, one.pointer) << one.to;
  }
}

TEST(PublicationJsonTest, ADefinitionOrSchemaThatDoesNotDecodeIsNamed) {
  const std::string body = ExampleBody();
  for (const char* member : {"\"definition\":\"", "\"schema\":\""}) {
    const auto at = body.find(member) + std::string_view(member).size();
    const auto end = body.find('"', at);
    const std::string bytes = *Base64Decode(body.substr(at, end - at));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      std::string damaged = body;
      damaged.replace(at, end - at, Base64Encode(bytes.substr(0, cut)));
      EXPECT_EQ(ReadPublication(damaged).status().code(), Code::kInvalidRequest) << member << cut;
    }
    std::string damaged = body;
    damaged.replace(at, end - at, "###");
    EXPECT_EQ(ReadPublication(damaged).status().code(), Code::kInvalidRequest);
  }
}

TEST(PublicationJsonTest, EveryCutIsRefused) {
  const std::string body = ExampleBody();
  for (std::size_t cut = 0; cut < body.size(); ++cut)
    EXPECT_FALSE(ReadPublication(body.substr(0, cut)).ok()) << cut;
}

TEST(CatalogAnswerJsonTest, ArrivesAsItWasSaid) {
  CatalogAnswer answer;
  answer.resend = {Id("a")};
  answer.policies.emplace();
  answer.policies->version = 7;
  answer.policies->timed = true;
  answer.policies->others.enabled = false;
  answer.policies->sources[Id("b")] = {.interval_minutes = 0.5, .window = "22:00-06:00"};
  answer.compactions = {{5, Id("b"), true}};
  const auto read = ReadCatalogAnswer(CatalogAnswerJson(answer));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->resend, answer.resend);
  ASSERT_TRUE(read->policies);
  EXPECT_EQ(read->policies->version, 7u);
  EXPECT_TRUE(read->policies->timed);
  EXPECT_EQ(read->policies->others, answer.policies->others);
  EXPECT_EQ(read->policies->sources, answer.policies->sources);
  ASSERT_EQ(read->compactions.size(), 1u);
  EXPECT_EQ(read->compactions[0].id, 5u);
  EXPECT_TRUE(read->compactions[0].all);
}

Result<CompactionPolicy> ReadPolicy(std::string_view text) {
  return ReadCompactionPolicy(ParseJsonObject(text, 8).Take(), "/policy");
}

TEST(CompactionPolicyJsonTest, BoundsAreThoseOfTheSettings) {
  for (const char* good :
       {"{}", R"({"interval_minutes":0.01})", R"({"interval_minutes":525600})",
        R"({"min_file_size_mb":0,"target_file_size_mb":1,"max_file_size_mb":1})",
        R"({"window":""})", R"({"window":"22:00-06:00"})", R"({"enabled":false})"}) {
    EXPECT_TRUE(ReadPolicy(good).ok()) << good;
  }
  for (const char* bad : {R"({"interval_minutes":0.009})", R"({"interval_minutes":525600.1})",
                          R"({"min_file_size_mb":-1})", R"({"target_file_size_mb":0.9})",
                          R"({"min_file_size_mb":3,"target_file_size_mb":2})",
                          R"({"target_file_size_mb":3,"max_file_size_mb":2})",
                          R"({"min_file_size_mb":3,"max_file_size_mb":2})", R"({"window":"22-06"})",
                          R"({"window":"22:00-22:00"})", R"({"enabled":1})", R"({"often":true})"}) {
    const auto read = ReadPolicy(bad);
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_TRUE(read.status().fields().at(0).pointer.starts_with("/policy/")) << bad;
  }
}

TEST(CompactionPolicyJsonTest, WhatIsSaidAboveCounts) {
  const CompactionPolicy above{.enabled = false, .window = ""};
  const CompactionPolicy below{.enabled = true, .interval_minutes = 5, .window = "01:00-02:00"};
  const CompactionPolicy both = Over(above, below);
  EXPECT_EQ(both.enabled, false);
  EXPECT_EQ(both.interval_minutes, 5);
  EXPECT_EQ(both.window, "");
}

}  // namespace
}  // namespace granary::api
