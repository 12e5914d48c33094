#include "granary/io/file_system.h"

#include <gtest/gtest.h>

#include "granary/testing/memory_file_system.h"

namespace granary::io {
namespace {

TEST(PathTest, JoinsWithOneSlash) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b/c"), "a/b/c");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

TEST(PathDeathTest, JoiningAnAbsolutePathIsABug) {
  EXPECT_DEATH((void)JoinPath("a", "/etc"), "a=a b=/etc");
}

TEST(PathTest, TheParentIsTheDirectoryPart) {
  EXPECT_EQ(ParentPath("a/b"), "a");
  EXPECT_EQ(ParentPath("a/b/"), "a");
  EXPECT_EQ(ParentPath("a//b"), "a");
  EXPECT_EQ(ParentPath("a"), ".");
  EXPECT_EQ(ParentPath(""), ".");
  EXPECT_EQ(ParentPath("/a"), "/");
  EXPECT_EQ(ParentPath("/"), "/");
}

TEST(FileSystemTest, ReadFileGivesTheWholeFile) {
  testing::MemoryFileSystem files;
  ASSERT_TRUE(files.ReplaceFile("/a", std::string("a\0b", 3)).ok());
  EXPECT_EQ(*files.ReadFile("/a"), std::string("a\0b", 3));
  ASSERT_TRUE(files.ReplaceFile("/a", "").ok());
  EXPECT_EQ(*files.ReadFile("/a"), "");
  EXPECT_EQ(files.ReadFile("/b").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace granary::io
