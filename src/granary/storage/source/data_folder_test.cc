#include "granary/storage/source/data_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "granary/io/posix_file_system.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

class DataFolderTest : public ::testing::Test {
 protected:
  Status Open() { return DataFolder::Open(files_, root_).status(); }
  void Put(const std::string& name, const std::string& text) {
    std::ofstream(root_ + "/" + name) << text;
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& entry : files_.List(root_).Take()) names.push_back(entry.name);
    return names;
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  const std::string root_ = directory_.Join("a/b");
};

TEST_F(DataFolderTest, IsMadeOnceAndKnowsItselfAfterwards) {
  std::string store;
  {
    const auto made = DataFolder::Open(files_, root_);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    store = made->store_id();
    EXPECT_EQ(store.size(), 32u);
  }
  const auto again = DataFolder::Open(files_, root_);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->store_id(), store);
}

TEST_F(DataFolderTest, IsServedByOneProcessWhosePidTheSecondNames) {
  const auto first = DataFolder::Open(files_, root_);
  ASSERT_TRUE(first.ok());
  const Status second = Open();
  EXPECT_EQ(second.code(), Code::kConflict);
  EXPECT_NE(second.message().find(std::to_string(::getpid())), std::string::npos)
      << second.message();
}

TEST_F(DataFolderTest, LeavesAForeignFolderUntouched) {
  std::filesystem::create_directories(root_);
  Put("letters.txt", "dear");
  EXPECT_EQ(Open().code(), Code::kConflict);
  EXPECT_EQ(Names(), std::vector<std::string>{"letters.txt"});
}

TEST_F(DataFolderTest, OtherServicesOfTheSameFolderMayHaveBeenThereFirst) {
  for (const char* name : {"auth", "monitoring"})
    std::filesystem::create_directories(root_ + "/" + name);
  EXPECT_TRUE(Open().ok());
  std::filesystem::remove(root_ + "/FORMAT");
  std::filesystem::remove(root_ + "/auth");
  Put("auth", "a file of somebody else's");
  EXPECT_EQ(Open().code(), Code::kConflict);
}

TEST_F(DataFolderTest, FinishesAFirstStartThatWasCutOff) {
  std::filesystem::create_directories(root_ + "/lost+found");
  Put("granary.lock", "");
  Put("FORMAT.tmp", "granary da");
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataFolderTest, OtherServicesMayHaveComeFirst) {
  for (const char* folder : {"/auth", "/catalog", "/cbo_engine", "/monitoring", "/operation_node"})
    std::filesystem::create_directories(root_ + folder);
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataFolderTest, RefusesANewerFormatSayingBoth) {
  std::filesystem::create_directories(root_);
  Put("FORMAT", "granary data folder\nformat 9\nanything else\n");
  const Status s = Open();
  EXPECT_EQ(s.code(), Code::kConflict);
  EXPECT_NE(s.message().find("format 9, this program knows up to 1"), std::string::npos)
      << s.message();
}

TEST_F(DataFolderTest, NoticesEveryFlippedBitOfFormat) {
  ASSERT_TRUE(Open().ok());
  const std::string text = files_.ReadFile(root_ + "/FORMAT").Take();
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      Put("FORMAT", damaged);
      EXPECT_FALSE(Open().ok()) << at << " " << bit;
    }
    Put("FORMAT", text.substr(0, at));
    EXPECT_FALSE(Open().ok()) << at;
  }
}

TEST_F(DataFolderTest, SaysWhichFolderCannotBeUsed) {
  std::ofstream(directory_.Join("a")) << "a file";
  const Status s = Open();
  EXPECT_FALSE(s.ok());
  EXPECT_NE(s.message().find("DATA_PATH " + root_), std::string::npos) << s.message();
}

TEST(LaneNameTest, IsReadBackOnlyWhenItIsOne) {
  EXPECT_EQ(ParseLaneName("lane-0"), 0u);
  EXPECT_EQ(ParseLaneName("lane-17"), 17u);
  for (const char* name :
       {"lane-", "lane-x", "lane--1", "lane-1 ", "lane", "LANE-1", "lane-99999999999"}) {
    EXPECT_EQ(ParseLaneName(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace granary::storage
