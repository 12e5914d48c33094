// What only a real disk has: links, modes, processes. The rest of the contract is tested on both
// file systems in testing/file_system_contract_test.cc.
#include "granary/io/posix_file_system.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "granary/testing/temp_directory.h"

namespace granary::io {
namespace {

namespace fs = std::filesystem;

struct PosixFileSystemTest : ::testing::Test {
  std::string Path(const std::string& name) const { return directory.Join(name); }

  testing::TempDirectory directory;
  PosixFileSystem files;
};

TEST_F(PosixFileSystemTest, APlantedLinkIsNotWrittenThrough) {
  ASSERT_TRUE(files.ReplaceFile(Path("victim"), "precious").ok());
  fs::create_symlink(Path("victim"), Path("link"));
  for (const OpenMode mode : {OpenMode::kCreateNew, OpenMode::kTruncate, OpenMode::kExisting}) {
    EXPECT_FALSE(files.OpenForWrite(Path("link"), mode).ok());
  }
  fs::create_symlink(Path("victim"), Path("new.tmp"));
  EXPECT_FALSE(files.ReplaceFile(Path("new"), "bad").ok());
  EXPECT_FALSE(files.Lock(Path("link")).ok());
  EXPECT_EQ(*files.ReadFile(Path("victim")), "precious");
}

TEST_F(PosixFileSystemTest, RemoveTreeRemovesLinksAndNotWhatTheyPointAt) {
  ASSERT_TRUE(files.CreateDirectories(Path("outside")).ok());
  ASSERT_TRUE(files.ReplaceFile(Path("outside/precious"), "x").ok());
  ASSERT_TRUE(files.CreateDirectories(Path("tree")).ok());
  fs::create_directory_symlink(Path("outside"), Path("tree/link"));
  fs::create_directory_symlink(Path("outside"), Path("top"));
  EXPECT_TRUE(files.RemoveTree(Path("tree")).ok());
  EXPECT_TRUE(files.RemoveTree(Path("top")).ok());
  EXPECT_TRUE(*files.Exists(Path("outside/precious")));
  EXPECT_FALSE(*files.Exists(Path("tree")));
  EXPECT_FALSE(*files.Exists(Path("top")));
}

TEST_F(PosixFileSystemTest, ResolveFollowsLinks) {
  const std::string base = fs::canonical(directory.path());
  fs::create_directories(Path("real/sub"));
  fs::create_directory_symlink(Path("real"), Path("link"));
  EXPECT_EQ(*files.Resolve(Path("link/sub/new/file")), base + "/real/sub/new/file");
  EXPECT_EQ(*files.Resolve(Path("link/..")), base);
}

// "missing/../link" is no way around: the part after ".." exists and is a link out of the folder.
TEST_F(PosixFileSystemTest, ResolveSeesLinksBehindDotDot) {
  fs::create_directory_symlink("/usr", Path("link"));
  EXPECT_EQ(*files.Resolve(Path("missing/../link/new")), "/usr/new");
  EXPECT_EQ(*files.Resolve(Path("missing/deeper/../../link")), "/usr");
}

TEST_F(PosixFileSystemTest, ResolveRefusesALinkToNowhereAndALoop) {
  fs::create_symlink(Path("nowhere"), Path("dangling"));
  EXPECT_EQ(files.Resolve(Path("dangling")).status().code(), Code::kInvalidPath);
  EXPECT_EQ(files.Resolve(Path("dangling/below")).status().code(), Code::kInvalidPath);
  fs::create_symlink(Path("loop"), Path("loop"));
  EXPECT_FALSE(files.Resolve(Path("loop")).ok());
}

TEST_F(PosixFileSystemTest, RelativePathsBecomeAbsolute) {
  EXPECT_EQ(*files.Resolve("not-there-yet"), fs::current_path().string() + "/not-there-yet");
  EXPECT_EQ(*files.Resolve("."), fs::canonical(fs::current_path()).string());
}

TEST_F(PosixFileSystemTest, OnlyRegularFilesAreRead) {
  EXPECT_FALSE(files.OpenForRead(directory.path()).ok());
  EXPECT_FALSE(files.OpenForRead("/dev/zero").ok());
  ASSERT_EQ(::mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(files.OpenForRead(Path("pipe")).ok()) << "and nobody waits for a writer";
}

TEST_F(PosixFileSystemTest, OthersMayNotReadOurFiles) {
  ASSERT_TRUE(files.CreateDirectories(Path("d")).ok());
  ASSERT_TRUE(files.ReplaceFile(Path("d/f"), "x").ok());
  const auto others = fs::perms::others_all;
  EXPECT_EQ(fs::status(Path("d")).permissions() & others, fs::perms::none);
  EXPECT_EQ(fs::status(Path("d/f")).permissions() & others, fs::perms::none);
}

TEST_F(PosixFileSystemTest, AFullDeviceIsDiskFull) {
  auto file = files.OpenForWrite("/dev/full", OpenMode::kExisting);
  if (!file.ok()) GTEST_SKIP() << file.status().ToString();
  EXPECT_EQ((*file)->WriteAt(0, "x").code(), Code::kDiskFull);
}

// A process that is killed lets go of its lock, and until then is named by its pid.
TEST_F(PosixFileSystemTest, ALockOfAnotherProcessIsNamedAndDiesWithIt) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = PosixFileSystem().Lock(Path("LOCK"));
    const char byte = lock.ok() ? '1' : '0';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, '1');
  const Status refused = files.Lock(Path("LOCK")).status();
  EXPECT_EQ(refused.code(), Code::kConflict);
  EXPECT_NE(refused.message().find("process " + std::to_string(child)), std::string_view::npos)
      << refused.message();
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(files.Lock(Path("LOCK")).ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(PosixFileSystemTest, WritesOfManyMegabytesComeBack) {
  std::string bytes(5 << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  ASSERT_TRUE(files.ReplaceFile(Path("big"), bytes).ok());
  EXPECT_TRUE(*files.ReadFile(Path("big")) == bytes);
}

}  // namespace
}  // namespace granary::io
