#include "granary/storage/source/data_path.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "granary/io/posix_file_system.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

class DataPathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory_.Join("root/sources"));
    std::filesystem::create_directories(directory_.Join("allowed"));
    std::filesystem::create_directories(directory_.Join("outside"));
    auto roots = ResolveRoots(files_, files_.Resolve(directory_.Join("root")).Take(),
                              {directory_.Join("allowed")}, TenantId::Parse("acme").Take());
    ASSERT_TRUE(roots.ok());
    roots_ = roots.Take();
  }
  Result<std::string> Resolve(const std::string& path) {
    return ResolveDataPath(files_, roots_, SourceId::Parse("sales").Take(), path);
  }
  // Relative to the root; or how it was refused.
  std::string Outcome(const std::string& path) {
    const auto folder = Resolve(path);
    if (!folder.ok()) return std::string(CodeName(folder.status().code()));
    return StoredFolder(roots_.root, *folder);
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  DataRoots roots_;
};

TEST_F(DataPathTest, PutsRelativePathsBelowTheRoot) {
  EXPECT_EQ(Outcome(""), "tenants/acme/sources/sales");
  EXPECT_EQ(Outcome("x"), "x");
  EXPECT_EQ(Outcome("x//y/./z/"), "x/y/z");
  EXPECT_EQ(Outcome("./x"), "x");
  EXPECT_EQ(Outcome("./data/sources/sales_data"), "sources/sales_data");
  EXPECT_EQ(Outcome("data/x"), "data/x");
  EXPECT_EQ(Outcome("./database/x"), "database/x");
  EXPECT_EQ(Outcome("tenants/acme/sources/other"), "tenants/acme/sources/other");
}

TEST_F(DataPathTest, TakesAbsolutePathsInsideTheAllowedRootsOnly) {
  EXPECT_EQ(Outcome(roots_.root + "/x"), "x");
  EXPECT_EQ(Outcome(roots_.allowed[0] + "/x/y"), roots_.allowed[0] + "/x/y");
  EXPECT_EQ(Outcome(roots_.allowed[0]), "INVALID_PATH");
  EXPECT_EQ(Outcome(roots_.allowed[0] + "ance/x"), "INVALID_PATH");
  EXPECT_EQ(Outcome(directory_.Join("outside/x")), "INVALID_PATH");
  EXPECT_EQ(Outcome("/"), "INVALID_PATH");
  EXPECT_EQ(Outcome("/etc/passwd"), "INVALID_PATH");
}

TEST_F(DataPathTest, RefusesWaysOut) {
  EXPECT_EQ(Outcome("../x"), "INVALID_PATH");
  EXPECT_EQ(Outcome("./data/../../x"), "INVALID_PATH");
  EXPECT_EQ(Outcome("x/../y"), "INVALID_PATH");
  EXPECT_EQ(Outcome(std::string("x\0y", 3)), "INVALID_PATH");
  EXPECT_EQ(Outcome("x\ny"), "INVALID_PATH");
  EXPECT_EQ(Outcome(std::string(256, 'x')), "INVALID_PATH");
  EXPECT_EQ(Outcome(std::string(2000, '/')), "INVALID_PATH");
  EXPECT_EQ(Outcome("x/.granary-source"), "INVALID_PATH");
  EXPECT_EQ(Outcome("s3://bucket/x"), "UNSUPPORTED");
  EXPECT_EQ(Outcome("file:///etc"), "UNSUPPORTED");
}

TEST_F(DataPathTest, ResolvesLinksBeforeItJudges) {
  std::filesystem::create_symlink(directory_.Join("outside"), directory_.Join("root/out"));
  std::filesystem::create_symlink(directory_.Join("root/wal"), directory_.Join("root/log"));
  std::filesystem::create_symlink(directory_.Join("root/sources"), directory_.Join("root/in"));
  std::filesystem::create_symlink(directory_.Join("nowhere"), directory_.Join("root/dangling"));
  std::filesystem::create_directories(directory_.Join("root/wal"));
  EXPECT_EQ(Outcome("out/x"), "INVALID_PATH");
  EXPECT_EQ(Outcome("dangling/x"), "INVALID_PATH");
  EXPECT_EQ(Outcome("log/x"), "SOURCE_CONFLICT");
  EXPECT_EQ(Outcome("in/x"), "sources/x");
}

TEST_F(DataPathTest, KeepsTheStoresOwnFolders) {
  for (const char* path :
       {".", "./data", "./data/", "wal", "wal/lane-0", "tenants", "tenants/acme",
        "tenants/acme/sources", "tenants/acme/manifest.db", "tenants/other/sources/x", "FORMAT",
        "granary.lock/x", "auth/x", "operation_node/nodes/hooli", "catalog", "cbo_engine/tenants",
        "monitoring/x", "node_key"}) {
    EXPECT_EQ(Outcome(path), "SOURCE_CONFLICT") << path;
  }
  EXPECT_EQ(Outcome(roots_.root), "SOURCE_CONFLICT");
}

TEST_F(DataPathTest, KeepsOutOfOtherDataFolders) {
  for (const std::string mark : {"FORMAT", "granary.lock", "LOCK"}) {
    const std::string root = "root/of_" + mark, allowed = "allowed/of_" + mark;
    for (const std::string& folder : {root, allowed}) {
      std::filesystem::create_directories(directory_.Join(folder + "/deep"));
      std::ofstream(directory_.Join(folder + "/" + mark)) << "x";
    }
    EXPECT_EQ(Outcome("of_" + mark), "SOURCE_CONFLICT");
    EXPECT_EQ(Outcome("of_" + mark + "/deep/er"), "SOURCE_CONFLICT");
    EXPECT_EQ(Outcome("of_" + mark + "x"), "of_" + mark + "x");
    EXPECT_EQ(Outcome(roots_.allowed[0] + "/of_" + mark + "/x"), "SOURCE_CONFLICT");
  }
  // Its own marks are no other's.
  std::ofstream(directory_.Join("root/FORMAT")) << "x";
  EXPECT_EQ(Outcome("x"), "x");
}

TEST_F(DataPathTest, WantsAbsoluteAllowedRoots) {
  EXPECT_EQ(ResolveRoots(files_, "/x", {"relative"}, {}).status().code(), Code::kInvalidArgument);
}

TEST(OverlapTest, ComparesWholeParts) {
  EXPECT_TRUE(Overlap("/a/b", "/a/b"));
  EXPECT_TRUE(Overlap("/a/b/c", "/a/b"));
  EXPECT_TRUE(Overlap("/a", "/a/b"));
  EXPECT_FALSE(Overlap("/a/bc", "/a/b"));
  EXPECT_TRUE(IsBelow("/a", "/"));
  EXPECT_FALSE(IsBelow("/", "/"));
}

}  // namespace
}  // namespace granary::storage
