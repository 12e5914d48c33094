#include "granary/runtime/spill_space.h"

#include <gtest/gtest.h>

#include "granary/io/posix_file_system.h"
#include "granary/testing/faulty_file_system.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/temp_directory.h"

namespace granary::runtime {
namespace {

TEST(SpillSpaceTest, ReadsBackWhatWasWrittenThoughTheFileHasNoName) {
  io::PosixFileSystem files;
  const testing::TempDirectory directory;
  const std::string folder = io::JoinPath(directory.path(), "spill");
  SpillSpace space(files, folder);
  auto file = space.NewFile().Take();
  const SpillExtent a = file->Append("first").Take();
  const SpillExtent b = file->Append(std::string(100'000, 'x')).Take();
  EXPECT_TRUE(files.List(folder).Take().empty());
  std::string out;
  ASSERT_TRUE(file->Read(b, out).ok());
  EXPECT_EQ(out, std::string(100'000, 'x'));
  ASSERT_TRUE(file->Read(a, out).ok());
  EXPECT_EQ(out, "first");
  EXPECT_EQ(space.bytes(), 100'005u);
  file.reset();
  EXPECT_EQ(space.bytes(), 0u);
  EXPECT_EQ(space.bytes_total(), 100'005u);
}

TEST(SpillSpaceTest, SweepsWhatACrashLeft) {
  testing::MemoryFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("data/spill").ok());
  ASSERT_TRUE(files.ReplaceFile("data/spill/000000000001.spill", "left").ok());
  SpillSpace space(files, "data/spill");
  ASSERT_TRUE(space.Sweep().ok());
  EXPECT_FALSE(files.Exists("data/spill").Take());
  EXPECT_TRUE(space.NewFile().ok());
  EXPECT_TRUE(SpillSpace(files, "data/never").Sweep().ok());
}

TEST(SpillSpaceTest, AChangedByteIsNoticed) {
  testing::MemoryFileSystem files;
  SpillSpace space(files, "spill");
  const auto file = space.NewFile().Take();
  SpillExtent extent = file->Append("content").Take();
  extent.checksum ^= 1;
  std::string out;
  EXPECT_EQ(file->Read(extent, out).code(), Code::kCorruption);
  extent.checksum ^= 1;
  extent.bytes += 1;  // Past the end.
  EXPECT_EQ(file->Read(extent, out).code(), Code::kCorruption);
}

}  // namespace
}  // namespace granary::runtime
