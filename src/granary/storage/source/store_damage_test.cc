#include <filesystem>
#include <fstream>

#include "granary/storage/source/store_test_support.h"
#include "granary/testing/faulty_file_system.h"

namespace granary::storage {
namespace {

namespace fs = std::filesystem;

class StoreFaultTest : public StoreTest {
 protected:
  StoreDeps Deps() override { return {faulty_, clock_, failpoints_, Logger::Null(), pool_}; }
  testing::FaultyFileSystem faulty_{files_};
};

TEST_F(StoreFaultTest, TurnsReadOnlyWhenTheLogFailsAndKeepsWhatWasAcknowledged) {
  options_.wal_lanes = 1;
  Open();
  const auto a = Add(TestDefinition("a")), b = Add(TestDefinition("b"));
  Write(*a, {Row(1)});
  Write(*b, {Row(2)});
  faulty_.FailChange({.nth = 1});
  EXPECT_EQ(WriteRows(*a, {Row(3)}).status().code(), Code::kUnavailable);
  faulty_.Heal();
  EXPECT_EQ(WriteRows(*a, {Row(4)}).status().code(), Code::kUnavailable);
  EXPECT_EQ(WriteRows(*b, {Row(5)}).status().code(), Code::kUnavailable);
  EXPECT_EQ(Rows(*a), std::vector<TestRow>{Row(1)});
  Flush(*a);
  EXPECT_EQ(Rows(*a), std::vector<TestRow>{Row(1)});
  Open();
  // The failed write is unknown: it may be there or not. Nothing else changed.
  std::vector<TestRow> rows = Rows(*Find("a"));
  if (rows.size() == 2) {
    EXPECT_EQ(rows.back(), Row(3));
    rows.pop_back();
  }
  EXPECT_EQ(rows, std::vector<TestRow>{Row(1)});
  EXPECT_EQ(Rows(*Find("b")), std::vector<TestRow>{Row(2)});
  Write(*Find("a"), {Row(6)});
}

TEST_F(StoreFaultTest, TakesWritesAgainAfterAFullDisk) {
  options_.wal_lanes = 1;
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  faulty_.FailChange({.nth = 1, .code = Code::kDiskFull, .and_later = true, .short_write = true});
  EXPECT_EQ(WriteRows(*source, {Row(2)}).status().code(), Code::kDiskFull);
  EXPECT_EQ(WriteRows(*source, {Row(2)}).status().code(), Code::kDiskFull);
  EXPECT_EQ(Rows(*source), std::vector<TestRow>{Row(1)});
  faulty_.Heal();
  EXPECT_TRUE(Eventually([&] { return WriteRows(*source, {Row(3)}).ok(); }));
  const std::vector<TestRow> rows = Rows(*source);
  EXPECT_EQ(rows.back(), Row(3));
  Open();
  EXPECT_EQ(Rows(*Find("s")), rows);
}

TEST_F(StoreFaultTest, FailsAFlushAtEachFileOperationWithoutLoss) {
  SourceDefinition definition = TestDefinition("s");
  definition.partitions = {{"part", std::nullopt}};
  Open();
  const auto source = Add(definition);
  std::vector<TestRow> expected;
  for (std::uint64_t nth = 1;; ++nth) {
    expected.push_back(Row(static_cast<std::int64_t>(nth), nth % 2 == 0 ? "a" : "b"));
    Write(*source, {expected.back()});
    faulty_.FailChange(
        {.nth = nth, .code = nth % 3 == 0 ? Code::kDiskFull : Code::kIoError, .short_write = true});
    const Status flushed = source->Flush();
    const bool failed = faulty_.changes() >= nth;
    faulty_.Heal();
    ASSERT_EQ(Rows(*source), expected) << nth;
    ASSERT_EQ(flushed.ok(), !failed) << flushed.ToString();
    if (!failed) break;
  }
  Open();
  EXPECT_EQ(Rows(*Find("s")), expected);
}

// Flips each byte of the log between two points, and looks at who is refused.
class StoreDamageTest : public StoreTest {
 protected:
  std::string LogFile() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(options_.root + "/wal/lane-0")) {
      if (entry.path().extension() == ".wal") names.push_back(entry.path().string());
    }
    std::sort(names.begin(), names.end());
    return names.front();
  }
};

TEST_F(StoreDamageTest, RefusesTheSourceThatLostRecordsAndServesTheOthers) {
  options_.wal_lanes = 1;
  Open();
  const auto a = Add(TestDefinition("a")), b = Add(TestDefinition("b"));
  Write(*a, {Row(1)});
  const std::uint64_t begin = 64 + store_->wal_stats()[0].bytes;
  Write(*a, {Row(2)});
  const std::uint64_t end = 64 + store_->wal_stats()[0].bytes;
  Write(*b, {Row(3)});
  Write(*a, {Row(4)});
  Write(*b, {Row(5)});
  store_.reset();
  fs::copy(options_.root, directory_.Join("intact"), fs::copy_options::recursive);
  const std::string log = LogFile();
  const std::string intact = files_.ReadFile(log).Take();
  for (std::uint64_t at = begin; at < end; at += 23) {
    fs::remove_all(options_.root);
    fs::copy(directory_.Join("intact"), options_.root, fs::copy_options::recursive);
    std::string damaged = intact;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(log, std::ios::binary) << damaged;
    Open();
    const auto refused = store_->Find(SourceId::Parse("a").Take());
    EXPECT_EQ(refused.status().code(), Code::kCorruption) << at;
    EXPECT_NE(refused.status().message().find(".wal at byte"), std::string::npos)
        << refused.status().message();
    EXPECT_EQ(Rows(*Find("b")), (std::vector<TestRow>{Row(3), Row(5)})) << at;
    EXPECT_EQ(store_->List().size(), 1u);
    ASSERT_EQ(store_->ListRefused().size(), 1u);
    EXPECT_EQ(store_->ListRefused().front().why.message(), refused.status().message());
    if (at != begin) continue;
    // It stays so, and the others go on.
    Write(*Find("b"), {Row(6)});
    Flush(*Find("b"));
    Open();
    EXPECT_EQ(store_->Find(SourceId::Parse("a").Take()).status().code(), Code::kCorruption);
    EXPECT_EQ(Rows(*Find("b")).size(), 3u);
    EXPECT_TRUE(store_->DropSource(SourceId::Parse("a").Take(), false).ok());
  }
}

TEST_F(StoreDamageTest, NoticesTheLossOfASourcesLastRecords) {
  options_.wal_lanes = 1;
  Open();
  const auto a = Add(TestDefinition("a")), b = Add(TestDefinition("b"));
  Write(*a, {Row(1)});
  const std::uint64_t begin = 64 + store_->wal_stats()[0].bytes;
  Write(*a, {Row(2)});
  const std::uint64_t end = 64 + store_->wal_stats()[0].bytes;
  Write(*b, {Row(3)});
  Write(*b, {Row(4)});
  store_.reset();
  fs::copy(options_.root, directory_.Join("intact"), fs::copy_options::recursive);
  const std::string log = LogFile();
  const std::string intact = files_.ReadFile(log).Take();
  for (std::uint64_t at = begin; at < end; at += 31) {
    fs::remove_all(options_.root);
    fs::copy(directory_.Join("intact"), options_.root, fs::copy_options::recursive);
    std::string damaged = intact;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(log, std::ios::binary) << damaged;
    Open();
    EXPECT_EQ(store_->Find(SourceId::Parse("a").Take()).status().code(), Code::kCorruption) << at;
    EXPECT_EQ(Rows(*Find("b")), (std::vector<TestRow>{Row(3), Row(4)})) << at;
  }
}

// What proved a source whole is collected one day; the damaged file stays.
TEST_F(StoreDamageTest, StandsByItsVerdictOnceTheProofIsGone) {
  options_.wal_lanes = 1;
  options_.wal_file_bytes = 1;  // A file for each frame.
  options_.wal_retention_us = 0;
  options_.wal_retention_bytes = 0;
  Open();
  const auto a = Add(TestDefinition("a")), c = Add(TestDefinition("c"));
  Write(*c, {Row(1)});
  Write(*a, {Row(2)});
  store_.reset();
  const std::string log = LogFile();
  std::string damaged = files_.ReadFile(log).Take();
  damaged[64 + 40] = static_cast<char>(damaged[64 + 40] ^ 1);  // In the frame's header.
  std::ofstream(log, std::ios::binary) << damaged;

  options_.flush_rows = 1;
  Open();
  EXPECT_EQ(store_->Find(SourceId::Parse("c").Take()).status().code(), Code::kCorruption);
  Write(*Find("a"), {Row(3)});
  EXPECT_TRUE(Eventually(
      [&] { return Find("a")->Stats().hot_rows == 0 && store_->wal_stats()[0].files <= 2; }));
  for (int round = 0; round < 2; ++round) {
    Open();
    EXPECT_EQ(store_->Find(SourceId::Parse("c").Take()).status().code(), Code::kCorruption);
    EXPECT_EQ(Rows(*Find("a")), (std::vector<TestRow>{Row(2), Row(3)}));
  }
}

}  // namespace
}  // namespace granary::storage
