#include "granary/storage/source/source_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "granary/io/posix_file_system.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

namespace fs = std::filesystem;

class SourceFolderTest : public ::testing::Test {
 protected:
  static SourceMarker Marker(std::string_view source, std::string store = "s1") {
    return {std::move(store), TenantId::Parse("acme").Take(), SourceId::Parse(source).Take()};
  }
  Status Claim(const std::string& folder, const SourceMarker& marker) {
    return ClaimFolder(files_, directory_.Join(folder), directory_.path(), marker);
  }
  void Put(const std::string& path) {
    fs::create_directories(fs::path(directory_.Join(path)).parent_path());
    std::ofstream(directory_.Join(path)) << "x";
  }
  bool There(const std::string& path) { return fs::exists(directory_.Join(path)); }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
};

TEST_F(SourceFolderTest, ClaimsNewAndEmptyFolders) {
  EXPECT_TRUE(Claim("new/deep", Marker("a")).ok());
  fs::create_directories(directory_.Join("empty"));
  EXPECT_TRUE(Claim("empty", Marker("b")).ok());
  EXPECT_TRUE(There("empty/.granary-source"));
}

TEST_F(SourceFolderTest, RefusesFoldersThatHoldAnything) {
  Put("full/letters.txt");
  EXPECT_EQ(Claim("full", Marker("a")).code(), Code::kSourceConflict);
  EXPECT_FALSE(There("full/.granary-source"));
  Put("file");
  EXPECT_EQ(Claim("file", Marker("a")).code(), Code::kSourceConflict);
}

TEST_F(SourceFolderTest, RefusesAFolderInsideAnotherSourcesFolderOrAroundIt) {
  ASSERT_TRUE(Claim("x/y", Marker("a")).ok());
  EXPECT_EQ(Claim("x/y/z/w", Marker("b")).code(), Code::kSourceConflict);
  EXPECT_EQ(Claim("x", Marker("b")).code(), Code::kSourceConflict);
  EXPECT_TRUE(Claim("x/z", Marker("b")).ok());
}

TEST_F(SourceFolderTest, TakesOverAMarkerOfItsOwnStoreOnly) {
  ASSERT_TRUE(Claim("x", Marker("a")).ok());
  EXPECT_EQ(Claim("x", Marker("b", "s2")).code(), Code::kSourceConflict);
  EXPECT_TRUE(Claim("x", Marker("b")).ok());
}

TEST_F(SourceFolderTest, SweepsUnnamedSegmentsAndNothingElse) {
  ASSERT_TRUE(Claim("x", Marker("a")).ok());
  Put("x/d=1/seg-000000000001.parquet");
  Put("x/d=1/seg-000000000002.parquet");
  Put("x/d=2/seg-000000000003.parquet");
  Put("x/seg-000000000004.parquet.tmp");
  Put("x/d=3/notes.parquet");
  const auto swept = SweepFolder(files_, directory_.Join("x"), {"d=1/seg-000000000001.parquet"});
  ASSERT_TRUE(swept.ok());
  EXPECT_EQ(*swept, 3u);
  EXPECT_TRUE(There("x/d=1/seg-000000000001.parquet"));
  EXPECT_FALSE(There("x/d=2"));
  EXPECT_TRUE(There("x/d=3/notes.parquet"));
}

TEST_F(SourceFolderTest, FollowsNoLinks) {
  ASSERT_TRUE(Claim("x", Marker("a")).ok());
  Put("elsewhere/seg-000000000001.parquet");
  fs::create_directory_symlink(directory_.Join("elsewhere"), directory_.Join("x/d=1"));
  ASSERT_TRUE(SweepFolder(files_, directory_.Join("x"), {}).ok());
  EXPECT_TRUE(There("elsewhere/seg-000000000001.parquet"));
}

TEST_F(SourceFolderTest, RemovesWhatIsOursAndLeavesTheRest) {
  ASSERT_TRUE(Claim("x", Marker("a")).ok());
  Put("x/d=1/seg-000000000001.parquet");
  ASSERT_TRUE(RemoveFolder(files_, directory_.Join("x"), Marker("a")).ok());
  EXPECT_FALSE(There("x"));

  ASSERT_TRUE(Claim("y", Marker("a")).ok());
  Put("y/seg-000000000001.parquet");
  Put("y/letters.txt");
  ASSERT_TRUE(RemoveFolder(files_, directory_.Join("y"), Marker("a")).ok());
  EXPECT_FALSE(There("y/seg-000000000001.parquet"));
  EXPECT_FALSE(There("y/.granary-source"));
  EXPECT_TRUE(There("y/letters.txt"));
}

TEST_F(SourceFolderTest, RemovesNothingWithoutItsMarker) {
  Put("x/seg-000000000001.parquet");
  ASSERT_TRUE(RemoveFolder(files_, directory_.Join("x"), Marker("a")).ok());
  EXPECT_TRUE(There("x/seg-000000000001.parquet"));
  EXPECT_TRUE(RemoveFolder(files_, directory_.Join("missing"), Marker("a")).ok());
}

TEST_F(SourceFolderTest, ReclaimsWhatIsMissingAndLeavesWhatIsForeign) {
  EXPECT_TRUE(*ReclaimFolder(files_, directory_.Join("gone"), Marker("a")));
  EXPECT_TRUE(There("gone/.granary-source"));
  Put("foreign/letters.txt");
  EXPECT_FALSE(*ReclaimFolder(files_, directory_.Join("foreign"), Marker("a")));
}

TEST(SegmentFileNameTest, IsRecognised) {
  EXPECT_EQ(SegmentFileName(SegmentId{42}), "seg-000000000042.parquet");
  EXPECT_TRUE(IsSegmentFileName("seg-000000000042.parquet"));
  EXPECT_TRUE(IsSegmentFileName(SegmentFileName(SegmentId{UINT64_MAX})));
  for (const char* name : {"seg-42.parquet", "seg-00000000004x.parquet", "seg-000000000042.txt",
                           "seg-.parquet", "seg.parquet", "x", ".parquet", "seg-"}) {
    EXPECT_FALSE(IsSegmentFileName(name)) << name;
  }
}

}  // namespace
}  // namespace granary::storage
