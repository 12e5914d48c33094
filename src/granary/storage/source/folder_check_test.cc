#include "granary/storage/source/folder_check.h"

#include <fstream>

#include "granary/storage/source/store_test_support.h"

namespace granary::storage {
namespace {

class FolderCheckTest : public StoreTest {
 protected:
  // Two segments, and two records that are only in the log.
  void Fill() {
    options_.wal_lanes = 1;
    Open();
    SourceDefinition definition = TestDefinition("s");
    definition.partitions = {{"part", std::nullopt}};
    const auto source = Add(definition);
    Write(*source, {Row(1, "a"), Row(2, "b"), Row(3, "a")});
    Flush(*source);
    SourceChange change;
    change.rename_columns = {{"value", "text"}};
    ASSERT_TRUE(source->Change(change).ok());
    Write(*source, {Row(4), Row(5)});
    store_.reset();
  }
  Result<FolderReport> Check() {
    return CheckDataFolder(files_, options_.root,
                           [](const std::string&, std::uint64_t, std::uint64_t) {});
  }
  std::vector<std::string> Damage() {
    const auto report = Check();
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? report->damage : std::vector<std::string>{};
  }
  std::string OnlyFile(const std::string& ending) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.root)) {
      const std::string path = entry.path().string();
      if (path.ends_with(ending)) return path;
    }
    ADD_FAILURE() << "no " << ending;
    return "";
  }
  static void Flip(const std::string& path, std::int64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const char byte = static_cast<char>(file.get() ^ 0x20);
    file.seekp(offset);
    file.put(byte);
    ASSERT_TRUE(file.good()) << path;
  }
};

TEST_F(FolderCheckTest, CountsWhatIsWhole) {
  Fill();
  const auto report = Check();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->tenants, 1u);
  EXPECT_EQ(report->sources, 1u);
  EXPECT_EQ(report->segments, 2u);
  EXPECT_EQ(report->segment_rows, 3u);
  EXPECT_EQ(report->unflushed_records, 2u);
  EXPECT_TRUE(report->damage.empty()) << report->damage.front();
  EXPECT_TRUE(report->notes.empty()) << report->notes.front();
  Open();
  EXPECT_EQ(Find("s")->Stats().rows, 5u);
}

TEST_F(FolderCheckTest, FindsAFlippedByteAnywhereInASegment) {
  Fill();
  const std::string path = OnlyFile(".parquet");
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
  for (std::int64_t offset = 4; offset < bytes; offset += 1 + bytes / 60) {
    Flip(path, offset);
    const auto damage = Damage();
    ASSERT_EQ(damage.size(), 1u) << "byte " << offset;
    EXPECT_NE(damage[0].find(path.substr(path.rfind('/') + 1)), std::string::npos) << damage[0];
    Flip(path, offset);
  }
  EXPECT_TRUE(Damage().empty());
}

TEST_F(FolderCheckTest, FindsDamageInTheLogAndTheManifest) {
  Fill();
  const std::string log = OnlyFile("000001.wal");
  Flip(log, 104);  // In the first frame, behind the file's header.
  const auto damage = Damage();
  ASSERT_FALSE(damage.empty());
  EXPECT_NE(damage[0].find("000001.wal"), std::string::npos) << damage[0];
  Flip(log, 104);
  EXPECT_TRUE(Damage().empty());
  const std::string manifest = OnlyFile("manifest.db");
  std::ifstream file(manifest, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::string name = OnlyFile(".parquet");
  const auto row = bytes.find(name.substr(name.rfind('/') + 1));
  ASSERT_NE(row, std::string::npos);
  Flip(manifest, static_cast<std::int64_t>(row));
  EXPECT_FALSE(Damage().empty());
}

TEST_F(FolderCheckTest, FindsAFlippedByteAnywhereInAnIndex) {
  options_.wal_lanes = 1;
  Open();
  SourceDefinition definition = TestDefinition("s");
  definition.indexes = {{"id", IndexKind::kBtree}};
  const auto source = Add(definition);
  Write(*source, {Row(1), Row(2), Row(3)});
  Flush(*source);
  store_.reset();
  const std::string path = OnlyFile(".idx");
  EXPECT_EQ(Check()->indexes, 1u);
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
  for (std::int64_t offset = 0; offset < bytes; offset += 1 + bytes / 60) {
    Flip(path, offset);
    const auto damage = Damage();
    ASSERT_EQ(damage.size(), 1u) << "byte " << offset;
    EXPECT_NE(damage[0].find(path.substr(path.rfind('/') + 1)), std::string::npos) << damage[0];
    Flip(path, offset);
  }
  EXPECT_TRUE(Damage().empty());
}

TEST_F(FolderCheckTest, NamesWhatIsMissingAndWhatIsUnfinished) {
  Fill();
  const std::string path = OnlyFile(".parquet");
  const std::string stray = path.substr(0, path.rfind('/')) + "/seg-000000009999.parquet.tmp";
  std::filesystem::copy_file(path, stray);
  const auto report = Check();
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->notes.size(), 1u);
  EXPECT_NE(report->notes[0].find(stray.substr(stray.rfind('/'))), std::string::npos);
  EXPECT_TRUE(report->damage.empty());
  std::filesystem::remove(path);
  EXPECT_EQ(Damage().size(), 1u);
}

TEST_F(FolderCheckTest, LeavesAFolderThatIsServedOrNotOurs) {
  EXPECT_EQ(Check().status().code(), Code::kNotFound);
  Fill();
  Open();
  EXPECT_EQ(Check().status().code(), Code::kConflict);
}

}  // namespace
}  // namespace granary::storage
