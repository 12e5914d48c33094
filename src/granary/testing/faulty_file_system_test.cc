#include "granary/testing/faulty_file_system.h"

#include <gtest/gtest.h>

#include "granary/testing/memory_file_system.h"

namespace granary::testing {
namespace {

using io::OpenMode;

struct FaultyFileSystemTest : ::testing::Test {
  MemoryFileSystem memory;
  FaultyFileSystem files{memory};
};

TEST_F(FaultyFileSystemTest, CountsChangesAndReads) {
  ASSERT_TRUE(files.ReplaceFile("/a", "x").ok());
  EXPECT_EQ(files.changes(), 5u);  // open, write, sync, rename, sync of the directory
  ASSERT_TRUE(files.ReadFile("/a").ok());
  EXPECT_EQ(files.reads(), 2u);
  EXPECT_EQ(files.failed_call(), "");
}

TEST_F(FaultyFileSystemTest, FailsOnlyTheNth) {
  ASSERT_TRUE(memory.ReplaceFile("/a", "abc").ok());
  auto file = files.OpenForWrite("/a", OpenMode::kExisting).Take();
  files.FailChange({.nth = 2, .code = Code::kDiskFull});
  EXPECT_TRUE(file->WriteAt(0, "1").ok());
  EXPECT_EQ(file->WriteAt(1, "2").code(), Code::kDiskFull);
  EXPECT_TRUE(file->WriteAt(2, "3").ok());
  EXPECT_EQ(*memory.ReadFile("/a"), "1b3");
  EXPECT_EQ(files.failed_call(), "write /a");
}

TEST_F(FaultyFileSystemTest, FailsEveryLaterOneUntilHealed) {
  files.FailChange({.nth = 1, .and_later = true});
  EXPECT_EQ(files.CreateDirectories("/a").code(), Code::kIoError);
  EXPECT_EQ(files.CreateDirectories("/b").code(), Code::kIoError);
  files.Heal();
  EXPECT_TRUE(files.CreateDirectories("/b").ok());
  EXPECT_EQ(files.changes(), 3u);
}

TEST_F(FaultyFileSystemTest, AShortWriteLeavesTheFirstHalf) {
  auto file = files.OpenForWrite("/a", OpenMode::kCreateNew).Take();
  files.FailChange({.nth = 1, .short_write = true});
  EXPECT_FALSE(file->WriteAt(0, "123456").ok());
  EXPECT_EQ(*memory.ReadFile("/a"), "123");
}

TEST_F(FaultyFileSystemTest, FailsReads) {
  ASSERT_TRUE(memory.ReplaceFile("/a", "abc").ok());
  files.FailRead({.nth = 2});
  EXPECT_EQ(files.ReadFile("/a").status().code(), Code::kIoError);
  EXPECT_EQ(*files.ReadFile("/a"), "abc");
}

// Whichever call fails, the file has the old content or the new, now and after a power cut.
TEST_F(FaultyFileSystemTest, ReplaceFileIsAtomicUnderEveryFailure) {
  for (std::uint64_t nth = 1; nth <= 5; ++nth) {
    for (const bool short_write : {false, true}) {
      ASSERT_TRUE(memory.ReplaceFile("/a", "old").ok());
      files.FailChange({.nth = nth, .short_write = short_write});
      EXPECT_FALSE(files.ReplaceFile("/a", "new").ok()) << nth;
      files.Heal();
      const std::string now = *memory.ReadFile("/a");
      EXPECT_EQ(now, nth < 5 ? "old" : "new") << files.failed_call();
      EXPECT_FALSE(*memory.Exists("/a.tmp")) << files.failed_call();
      memory.PowerCut();
      EXPECT_EQ(*memory.ReadFile("/a"), "old") << files.failed_call();
    }
  }
}

}  // namespace
}  // namespace granary::testing
