#include <filesystem>
#include <fstream>

#include "granary/storage/source/store_test_support.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::storage {
namespace {

namespace fs = std::filesystem;

using StoreSourcesTest = StoreTest;

TEST_F(StoreSourcesTest, AddsTheSameAgainAndRefusesAnother) {
  Open();
  auto added = store_->AddSource(TestDefinition("s"));
  ASSERT_TRUE(added.ok());
  EXPECT_TRUE(added->created);
  EXPECT_EQ(added->source->definition()->name, "s");
  added = store_->AddSource(TestDefinition("s"));
  ASSERT_TRUE(added.ok());
  EXPECT_FALSE(added->created);
  SourceDefinition other = TestDefinition("s");
  other.max_file_size_mb = 7;
  EXPECT_EQ(store_->AddSource(other).status().code(), Code::kSourceConflict);
  Open();
  EXPECT_FALSE(store_->AddSource(TestDefinition("s"))->created);
  EXPECT_EQ(store_->List().size(), 1u);
}

TEST_F(StoreSourcesTest, RefusesFoldersThatOverlap) {
  Open();
  const auto at = [](const char* id, const char* path) {
    SourceDefinition definition = TestDefinition(id);
    definition.data_path = path;
    return definition;
  };
  Add(at("a", "./data/x/y"));
  for (const char* path : {"x/y", "x", "x/y/z", "wal/x", "./data", "tenants/acme/sources"}) {
    const Status status = store_->AddSource(at("b", path)).status();
    EXPECT_EQ(status.code(), Code::kSourceConflict) << path;
    EXPECT_EQ(status.message().find("\"a\""), std::string::npos) << "it may not be theirs to see";
  }
  EXPECT_TRUE(store_->AddSource(at("b", "x/z")).ok());
  EXPECT_EQ(store_->AddSource(at("c", "../c")).status().code(), Code::kInvalidPath);
  EXPECT_EQ(store_->List().size(), 2u);
}

TEST_F(StoreSourcesTest, RemovesTheFilesOfADroppedSource) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  const std::string folder = source->folder();
  ASSERT_FALSE(ParquetFiles(folder).empty());
  std::ofstream(folder + "/letters.txt") << "not ours";
  ASSERT_TRUE(store_->DropSource(source->definition()->id, false).ok());
  EXPECT_TRUE(ParquetFiles(folder).empty());
  EXPECT_TRUE(fs::exists(folder + "/letters.txt"));
  EXPECT_EQ(store_->Find(source->definition()->id).status().code(), Code::kSourceNotFound);
  EXPECT_EQ(store_->DropSource(source->definition()->id, false).code(), Code::kSourceNotFound);
  EXPECT_EQ(WriteRows(*source, {Row(2)}).status().code(), Code::kSourceNotFound);
  EXPECT_EQ(source->Flush().code(), Code::kSourceNotFound);
}

TEST_F(StoreSourcesTest, KeepsTheFilesWhenAsked) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  Write(*source, {Row(2)});  // Acknowledged, so it is kept like the others.
  ASSERT_TRUE(store_->DropSource(source->definition()->id, true).ok());
  EXPECT_EQ(ParquetFiles(source->folder()).size(), 2u);
  EXPECT_EQ(store_->AddSource(TestDefinition("s")).status().code(), Code::kSourceConflict);
  Open();
  EXPECT_EQ(ParquetFiles(source->folder()).size(), 2u);
}

TEST_F(StoreSourcesTest, StartsEmptyWhenAddedAgain) {
  Open();
  auto source = Add(TestDefinition("s"));
  const SourceUid first = source->uid();
  Write(*source, {Row(1)});
  Flush(*source);
  Write(*source, {Row(2)});
  ASSERT_TRUE(store_->DropSource(source->definition()->id, false).ok());
  source = Add(TestDefinition("s"));
  EXPECT_NE(source->uid(), first);
  EXPECT_TRUE(Rows(*source).empty());
  Write(*source, {Row(3)});
  // The log still holds frames of the old life.
  Open();
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>{Row(3)});
}

TEST_F(StoreSourcesTest, FinishesADropThatWasCutOff) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  // The files cannot be removed just now: a folder stands where the marker is read.
  const std::string marker = source->folder() + "/.granary-source";
  fs::rename(marker, marker + ".aside");
  fs::create_directory(marker);
  EXPECT_FALSE(store_->DropSource(source->definition()->id, false).ok());
  EXPECT_TRUE(store_->List().empty());
  EXPECT_EQ(store_->AddSource(TestDefinition("s")).status().code(), Code::kSourceConflict);
  fs::remove(marker);
  fs::rename(marker + ".aside", marker);
  Open();
  EXPECT_FALSE(fs::exists(source->folder()));
  EXPECT_TRUE(store_->AddSource(TestDefinition("s")).ok());
}

TEST_F(StoreSourcesTest, CountsRowsBytesAndColumns) {
  Open();
  const auto source = Add(TestDefinition("s"));
  EXPECT_EQ(source->Stats().rows, 0u);
  Write(*source, {Row(5, "a"), Row(-3, "b"), {7, std::nullopt, "v"}});
  Flush(*source);
  Write(*source, {Row(100, "c"), {8, std::nullopt, "w"}});
  const SourceStats stats = source->Stats();
  EXPECT_EQ(stats.rows, 5u);
  EXPECT_EQ(stats.hot_rows, 2u);
  EXPECT_EQ(stats.segments, 1u);
  EXPECT_EQ(stats.partitions, 1u);
  EXPECT_GT(stats.bytes, 0u);
  EXPECT_GT(stats.hot_bytes, 0u);
  EXPECT_GT(stats.wal_bytes, 0u);
  EXPECT_TRUE(stats.last_write_us.has_value());
  const ColumnStats& id = stats.columns.at(1);
  EXPECT_EQ(id.rows, 5u);
  EXPECT_EQ(id.nulls, 0u);
  EXPECT_EQ(id.min, Value(std::int64_t{-3}));
  EXPECT_EQ(id.max, Value(std::int64_t{100}));
  EXPECT_EQ(stats.columns.at(2).nulls, 2u);
  EXPECT_EQ(DistinctEstimate(stats.columns.at(2)), 3u);
}

TEST_F(StoreSourcesTest, LimitsTheirNumber) {
  options_.sources_max = 2;
  Open();
  Add(TestDefinition("a"));
  Add(TestDefinition("b"));
  EXPECT_EQ(store_->AddSource(TestDefinition("c")).status().code(), Code::kQuotaExceeded);
}

}  // namespace
}  // namespace granary::storage
