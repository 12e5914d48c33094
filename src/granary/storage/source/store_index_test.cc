// Goal: every segment gets the index files that are declared, whatever happens on the way.
#include "granary/storage/index/index_reader.h"
#include "granary/storage/source/store_test_support.h"

namespace granary::storage {
namespace {

namespace fs = std::filesystem;

class StoreIndexTest : public StoreTest {
 protected:
  static SourceDefinition Indexed(std::vector<DeclaredIndex> indexes) {
    SourceDefinition definition = TestDefinition("s");
    definition.indexes = std::move(indexes);
    return definition;
  }
  static std::vector<std::string> IndexFiles(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".idx") names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  /// How many rows the index names for an id; nothing when it cannot be asked.
  static std::optional<std::size_t> Ask(const Source& source, std::int64_t id) {
    const SourceSnapshot snapshot = source.Snapshot();
    const auto index = snapshot.segments.at(0)->Index({1, IndexKind::kBtree});
    if (index == nullptr) return std::nullopt;
    FoundRows found{100, {}, false};
    EXPECT_TRUE(index->FindEqual(Value(id), found).ok());
    return found.rows.size();
  }
};

TEST_F(StoreIndexTest, FlushWritesThemBesideTheSegment) {
  Open();
  const auto source =
      Add(Indexed({{"id", std::nullopt}, {"part", std::nullopt}, {"value", IndexKind::kBloom}}));
  Write(*source, {Row(1), Row(2), Row(2)});
  Flush(*source);
  const std::vector<std::string> files = IndexFiles(source->folder());
  ASSERT_EQ(files.size(), 3u);
  EXPECT_TRUE(files[0].ends_with(".1.btree.idx")) << files[0];
  EXPECT_TRUE(files[1].ends_with(".2.hash.idx")) << files[1];
  EXPECT_TRUE(files[2].ends_with(".3.bloom.idx")) << files[2];
  EXPECT_EQ(Ask(*source, 2), 2u);
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(source->folder())) {
    if (entry.path().extension() == ".idx") bytes += entry.file_size();
  }
  EXPECT_EQ(source->Stats().index_bytes, bytes);
  Open();
  EXPECT_EQ(Ask(*Find("s"), 2), 2u);
  EXPECT_EQ(IndexFiles(Find("s")->folder()), files);
  const std::string folder = Find("s")->folder();
  ASSERT_TRUE(store_->DropSource(SourceId::Parse("s").Take(), false).ok());
  EXPECT_FALSE(fs::exists(folder));
}

// Damage, loss and another build's file: the next who asks is told nothing, and it is built anew.
TEST_F(StoreIndexTest, BuildsADamagedOneAnew) {
  Open();
  Write(*Add(Indexed({{"id", std::nullopt}})), {Row(1), Row(2)});
  Flush(*Find("s"));
  const std::string folder = Find("s")->folder();
  const std::string path = fs::path(folder) / IndexFiles(folder).at(0);
  const std::string whole = files_.ReadFile(path).Take();
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    store_.reset();
    if (round == 0) {
      std::string damaged = whole;
      damaged[damaged.size() - 10] ^= 1;
      ASSERT_TRUE(files_.ReplaceFile(path, damaged).ok());
    } else if (round == 1) {
      fs::remove(path);
    } else {
      fs::resize_file(path, 0);
    }
    Open();
    const auto source = Find("s");
    EXPECT_EQ(Ask(*source, 2), std::nullopt);
    EXPECT_TRUE(Eventually([&] { return Ask(*source, 2) == 1u; }));
    EXPECT_EQ(files_.ReadFile(path).Take(), whole);
  }
}

// A crash between the files and the commit leaves files that nobody names.
TEST_F(StoreIndexTest, SweepsWhatNoManifestNames) {
  Open();
  const auto source = Add(Indexed({{"id", std::nullopt}}));
  Write(*source, {Row(1)});
  Flush(*source);
  const std::string stray = fs::path(source->folder()) / "seg-000000000099.1.btree.idx";
  ASSERT_TRUE(files_.ReplaceFile(stray, "x").ok());
  ASSERT_TRUE(files_.ReplaceFile(stray + ".tmp", "x").ok());
  const std::string other = fs::path(source->folder()) / "notes.idx";
  ASSERT_TRUE(files_.ReplaceFile(other, "x").ok());
  Open();
  EXPECT_FALSE(fs::exists(stray));
  EXPECT_FALSE(fs::exists(stray + ".tmp"));
  EXPECT_TRUE(fs::exists(other));  // Not ours.
  EXPECT_EQ(Ask(*Find("s"), 1), 1u);
}

}  // namespace
}  // namespace granary::storage
