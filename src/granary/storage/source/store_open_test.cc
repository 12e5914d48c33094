#include <filesystem>
#include <fstream>

#include "granary/storage/source/store_test_support.h"

namespace granary::storage {
namespace {

namespace fs = std::filesystem;

using StoreOpenTest = StoreTest;

TEST_F(StoreOpenTest, RefusesASecondStoreOnTheFolder) {
  Open();
  const auto second = Store::Open(Deps(), options_);
  EXPECT_EQ(second.status().code(), Code::kConflict);
}

TEST_F(StoreOpenTest, ServesAFolderAgainOnceItWasClosed) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  ASSERT_TRUE(store_->Close().ok());
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(WriteRows(*source, {Row(2)}).status().code(), Code::kUnavailable);
  EXPECT_EQ(source->Flush().code(), Code::kUnavailable);
  EXPECT_EQ(store_->AddSource(TestDefinition("t")).status().code(), Code::kUnavailable);
  EXPECT_EQ(Rows(*source), std::vector<TestRow>{Row(1)});
  auto again = Store::Open(Deps(), options_);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(Rows(**(*again)->Find(source->definition()->id)), std::vector<TestRow>{Row(1)});
}

TEST_F(StoreOpenTest, SweepsFilesThatNoManifestNames) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  const std::string folder = source->folder();
  const auto named = ParquetFiles(folder);
  std::ofstream(folder + "/seg-000000009999.parquet") << "half";
  store_.reset();
  Open();
  EXPECT_EQ(ParquetFiles(folder), named);
}

TEST_F(StoreOpenTest, RefusesASourceWhoseFolderIsGone) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Add(TestDefinition("t"));
  Write(*source, {Row(1)});
  Flush(*source);
  const std::string folder = source->folder();
  store_.reset();
  fs::rename(folder, folder + ".aside");
  Open();
  EXPECT_EQ(store_->Find(source->definition()->id).status().code(), Code::kCorruption);
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_EQ(store_->List().size(), 1u);
  store_.reset();
  fs::rename(folder + ".aside", folder);
  Open();
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>{Row(1)});
}

TEST_F(StoreOpenTest, SaysSoWhenTheManifestIsGone) {
  Open();
  Add(TestDefinition("s"));
  store_.reset();
  const std::string manifest = options_.root + "/tenants/acme/manifest.db";
  fs::rename(manifest, manifest + ".aside");
  EXPECT_EQ(TryOpen().code(), Code::kCorruption);
  std::ofstream(manifest).close();
  EXPECT_EQ(TryOpen().code(), Code::kCorruption);
  fs::rename(manifest + ".aside", manifest);
  EXPECT_TRUE(TryOpen().ok());
}

TEST_F(StoreOpenTest, KeepsTheRecordsOfAnotherTenantInTheLog) {
  options_.wal_retention_us = 0;
  options_.wal_retention_bytes = 0;
  Open();
  Write(*Add(TestDefinition("s")), {Row(1)});
  store_.reset();
  options_.tenant = TenantId::Parse("other").Take();
  Open();
  const auto theirs = Add(TestDefinition("s"));
  Write(*theirs, {Row(2)});
  Flush(*theirs);
  Open();
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>{Row(2)});
  store_.reset();
  options_.tenant = TenantId::Parse("acme").Take();
  Open();
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>{Row(1)});
}

TEST_F(StoreOpenTest, FindsItsRecordsUnderAnotherNumberOfLanes) {
  options_.wal_lanes = 3;
  Open();
  for (const char* id : {"a", "b", "c", "d"}) Write(*Add(TestDefinition(id)), {Row(1)});
  options_.wal_lanes = 1;
  Open();
  for (const char* id : {"a", "b", "c", "d"}) Write(*Find(id), {Row(2)});
  Add(TestDefinition("e"));
  options_.wal_lanes = 5;
  Open();
  for (const char* id : {"a", "b", "c", "d"})
    EXPECT_EQ(Rows(*Find(id)), (std::vector<TestRow>{Row(1), Row(2)})) << id;
}

TEST_F(StoreOpenTest, CanBeMovedAsAWhole) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  Write(*source, {Row(2)});
  store_.reset();
  fs::rename(options_.root, directory_.Join("moved"));
  options_.root = directory_.Join("moved");
  Open();
  EXPECT_EQ(Rows(*Find("s")), (std::vector<TestRow>{Row(1), Row(2)}));
}

}  // namespace
}  // namespace granary::storage
