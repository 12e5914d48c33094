// Goal: what is told adds up to what is there, and nothing is told twice.
#include "granary/tenant/tenant_news.h"

#include <gtest/gtest.h>

#include <set>

#include "granary/io/failpoint.h"
#include "granary/io/posix_file_system.h"
#include "granary/storage/source/segment.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary {
namespace {

SourceId Id(std::string_view text) { return SourceId::Parse(text).Take(); }

/// Adds up news as a listener does.
struct Listener {
  std::set<std::uint64_t> files;
  std::uint64_t number = 0, deleted_rows = 0;
  std::uint32_t schema_version = 0;

  void Hear(const SourceNews& news) {
    if (news.base == 0) files.clear();
    EXPECT_EQ(news.base, news.base == 0 ? 0 : number);
    number = news.number;
    for (const SegmentId id : news.files_gone) EXPECT_EQ(files.erase(id.value), 1u);
    for (const FileNews& file : news.files) files.insert(file.meta->id.value);
    for (const FileNews& file : news.files) deleted_rows += file.deleted_rows;
    for (const auto& version : news.schemas) schema_version = version.schema->version();
  }
};

class TenantNewsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TenantOptions options;
    options.id = TenantId::Parse("acme").Take();
    options.store.root = directory_.Join("data");
    options.store.flush_age_us = std::int64_t{1} << 60;
    options.store.compaction.automatic = false;
    options.retention_interval = std::chrono::hours(24 * 365);
    auto opened = Tenant::Open({files_, clock_, failpoints_, Logger::Null(), pool_}, options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    tenant_ = opened.Take();
  }
  void Add(std::string_view id) {
    storage::SourceDefinition definition;
    definition.id = Id(id);
    definition.columns = {{"n", TypeKind::kInt64}};
    ASSERT_TRUE(tenant_->AddSource(definition).ok());
  }
  void WriteFile(std::string_view id, const std::string& records = R"([{"n":1},{"n":2}])") {
    ASSERT_TRUE(
        tenant_->Write({.source = Id(id), .records = records, .shape = json::RecordShape::kBare})
            .ok());
    ASSERT_TRUE(tenant_->Flush(Id(id)).ok());
  }
  void Compact(std::string_view id) {
    const auto job = tenant_->store().Compact(Id(id));
    ASSERT_TRUE(job.ok());
    const auto done = tenant_->store().AwaitJob(job->id, {});
    ASSERT_TRUE(done.ok() && done->state == storage::JobState::kDone);
  }
  std::set<std::uint64_t> LiveFiles(std::string_view id) {
    std::set<std::uint64_t> out;
    const auto source = tenant_->store().Find(Id(id));
    for (const auto& segment : *(*source)->moment().files) out.insert(segment->meta().id.value);
    return out;
  }
  TenantNews MakeNews(std::size_t columns_max = 20'000) {
    return TenantNews(*tenant_, clock_, {.columns_max = columns_max});
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  testing::FakeClock clock_;
  io::Failpoints failpoints_;
  runtime::WorkerPool pool_{{2}};
  std::unique_ptr<Tenant> tenant_;
};

TEST_F(TenantNewsTest, TellsAllAndThenWhatIsNew) {
  Add("a");
  WriteFile("a");
  TenantNews news = MakeNews();
  Listener heard;
  News first = news.Take();
  ASSERT_EQ(first.sources.size(), 1u);
  EXPECT_TRUE(first.all_told && first.sources[0].complete && first.sources[0].definition);
  EXPECT_EQ(first.sources[0].base, 0u);
  ASSERT_TRUE(first.sources[0].stats);
  EXPECT_EQ(first.sources[0].stats->stats.rows, 2u);
  heard.Hear(first.sources[0]);
  EXPECT_TRUE(news.Take().empty());

  WriteFile("a");
  const News second = news.Take();
  ASSERT_EQ(second.sources.size(), 1u);
  EXPECT_EQ(second.sources[0].files.size(), 1u);
  EXPECT_FALSE(second.sources[0].definition || second.sources[0].stats || second.all_told);
  EXPECT_TRUE(second.sources[0].schemas.empty());
  heard.Hear(second.sources[0]);

  Compact("a");
  const News third = news.Take();
  ASSERT_EQ(third.sources.size(), 1u);
  EXPECT_EQ(third.sources[0].files_gone.size(), 2u);
  heard.Hear(third.sources[0]);
  EXPECT_EQ(heard.files, LiveFiles("a"));
}

TEST_F(TenantNewsTest, ASchemaThatGrewIsToldByItsNewVersions) {
  Add("a");
  TenantNews news = MakeNews();
  Listener heard;
  heard.Hear(news.Take().sources.at(0));
  WriteFile("a", R"([{"n":1,"m":"x"}])");
  const News next = news.Take();
  ASSERT_EQ(next.sources.at(0).schemas.size(), 1u);
  heard.Hear(next.sources[0]);
  EXPECT_EQ(heard.schema_version, 2u);
}

TEST_F(TenantNewsTest, DeletedRowsAreNewsOfTheirFile) {
  Add("a");
  WriteFile("a");
  TenantNews news = MakeNews();
  news.Take();
  const DeleteRequest all{.source = Id("a"), .filter = {}, .key = {}};
  ASSERT_TRUE(tenant_->Delete(all, Caller()).ok());
  Listener heard;
  const News next = news.Take();
  ASSERT_EQ(next.sources.at(0).files.size(), 1u);
  EXPECT_EQ(next.sources[0].files[0].deleted_rows, 2u);
}

TEST_F(TenantNewsTest, WhatIsTooMuchForOnePartComesInSeveral) {
  Add("a");
  for (int i = 0; i < 5; ++i) WriteFile("a");
  Add("b");
  TenantNews news = MakeNews(4);  // A file takes two of it, statistics more than there is.
  Listener a, b;
  int parts = 0;
  bool all_told = false;
  while (!all_told && ++parts < 100) {
    const News next = news.Take();
    all_told = next.all_told;
    for (const SourceNews& one : next.sources) (one.source == Id("a") ? a : b).Hear(one);
  }
  EXPECT_GT(parts, 3);
  EXPECT_EQ(a.files, LiveFiles("a"));
  EXPECT_EQ(b.schema_version, 1u);
}

TEST_F(TenantNewsTest, WhatIsForgottenIsToldAnew) {
  Add("a");
  WriteFile("a");
  TenantNews news = MakeNews();
  news.Take();
  news.Forget(Id("a"));
  const News again = news.Take();
  ASSERT_EQ(again.sources.size(), 1u);
  EXPECT_EQ(again.sources[0].base, 0u);
  EXPECT_EQ(again.sources[0].files.size(), 1u);
  EXPECT_FALSE(again.all_told);
  news.ForgetAll();
  EXPECT_TRUE(news.Take().all_told);
}

TEST_F(TenantNewsTest, ADroppedSourceIsGoneAndOneOfItsNameIsAnother) {
  Add("a");
  WriteFile("a");
  TenantNews news = MakeNews();
  news.Take();
  ASSERT_TRUE(tenant_->DropSource(Id("a"), false).ok());
  const News gone = news.Take();
  ASSERT_EQ(gone.gone.size(), 1u);
  EXPECT_TRUE(gone.sources.empty());
  Add("b");
  news.Take();
  ASSERT_TRUE(tenant_->DropSource(Id("b"), false).ok());
  Add("b");  // Between two looks.
  const News other = news.Take();
  EXPECT_TRUE(other.gone.empty());
  EXPECT_EQ(other.sources.at(0).base, 0u);
}

TEST_F(TenantNewsTest, StatisticsComeAtTheirIntervalAndOnlyIfSomethingHappened) {
  Add("a");
  TenantNews news = MakeNews();
  news.Take();
  clock_.AdvanceMicros(60'000'000);
  EXPECT_TRUE(news.Take().empty());
  WriteFile("a");
  const News late = news.Take();
  EXPECT_TRUE(late.sources.at(0).stats && late.sources[0].merges);
  WriteFile("a");
  EXPECT_FALSE(news.Take().sources.at(0).stats);
}

TEST_F(TenantNewsTest, NothingKeepsFilesAlive) {
  Add("a");
  WriteFile("a");
  TenantNews news = MakeNews();
  news.Take();
  const auto source = tenant_->store().Find(Id("a"));
  const std::weak_ptr<const storage::Segment> file = (*source)->moment().files->front();
  Compact("a");
  news.Take();
  EXPECT_LE(file.use_count(), 1);  // The store's, for older snapshots.
}

}  // namespace
}  // namespace granary
