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

TEST(SpillSpaceTest, AllFilesTogetherTakeUpToTheLimitAndNotOneByteMore) {
  testing::MemoryFileSystem files;
  SpillSpace space(files, "spill", {.max_bytes = 1000});
  auto first = space.NewFile().Take();
  const auto second = space.NewFile().Take();
  ASSERT_TRUE(first->Append(std::string(600, 'a')).ok());
  const Status over = second->Append(std::string(401, 'b')).status();
  EXPECT_EQ(over.code(), Code::kDiskFull);
  EXPECT_NE(over.message().find("SPILL_MAX_MB"), std::string::npos) << over.ToString();
  EXPECT_EQ(space.bytes(), 600u);
  EXPECT_TRUE(second->Append(std::string(399, 'b')).ok());  // One byte short of it.
  EXPECT_TRUE(second->Append("c").ok());                    // All of it.
  EXPECT_EQ(second->Append("d").status().code(), Code::kDiskFull);
  EXPECT_EQ(space.bytes(), 1000u);
  first.reset();
  EXPECT_EQ(space.bytes(), 400u);
  EXPECT_TRUE(second->Append(std::string(600, 'd')).ok());
}

TEST(SpillSpaceTest, APieceThatIsNotWrittenTakesNothing) {
  testing::MemoryFileSystem memory;
  testing::FaultyFileSystem files(memory);
  SpillSpace space(files, "spill", {.max_bytes = 1000});
  const auto file = space.NewFile().Take();
  files.FailChange({.nth = 1, .code = Code::kDiskFull});
  EXPECT_EQ(file->Append(std::string(1000, 'a')).status().code(), Code::kDiskFull);
  EXPECT_EQ(space.bytes(), 0u);
  EXPECT_TRUE(file->Append(std::string(1000, 'a')).ok());
}

TEST(SpillSpaceTest, LeavesToOthersWhatMustStayFree) {
  testing::MemoryFileSystem files;
  constexpr std::uint64_t kPiece = 1000;
  files.SetCapacity(3 * kPiece);
  const std::string piece(kPiece, 'a');
  SpillSpace one_too_much(files, "spill", {.keep_free_bytes = 2 * kPiece + 1});
  const Status refused = one_too_much.NewFile().Take()->Append(piece).status();
  EXPECT_EQ(refused.code(), Code::kDiskFull);
  EXPECT_NE(refused.message().find("SPILL_MAX_MB"), std::string::npos) << refused.ToString();
  SpillSpace just(files, "spill", {.keep_free_bytes = 2 * kPiece});
  EXPECT_TRUE(just.NewFile().Take()->Append(piece).ok());
  SpillSpace less(files, "spill", {.keep_free_bytes = 2 * kPiece - 1});
  EXPECT_TRUE(less.NewFile().Take()->Append(piece).ok());
}

// It looks at the disk once in a while only.
TEST(SpillSpaceTest, NoticesADiskThatOthersFill) {
  testing::MemoryFileSystem files;
  constexpr std::uint64_t kPiece = SpillSpace::kLookAtDiskBytes / 4;
  files.SetCapacity(100 * kPiece);
  SpillSpace space(files, "spill", {.keep_free_bytes = kPiece});
  const auto file = space.NewFile().Take();
  const std::string piece(kPiece, 'a');
  ASSERT_TRUE(file->Append(piece).ok());
  files.SetCapacity(kPiece);  // What must stay free, and nothing else, since the file has no name.
  Status status;
  for (int pieces = 0; status.ok() && pieces < 4; ++pieces) status = file->Append(piece).status();
  EXPECT_EQ(status.code(), Code::kDiskFull);
  EXPECT_NE(status.message().find("SPILL_MAX_MB"), std::string::npos) << status.ToString();
}

}  // namespace
}  // namespace granary::runtime
