#include "granary/security/secret_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "granary/io/posix_file_system.h"
#include "granary/testing/temp_directory.h"

namespace granary::security {
namespace {

unsigned ModeOf(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

TEST(SecretFileTest, IsItsOwnersAloneWhateverWasThereBefore) {
  testing::TempDirectory folder;
  io::PosixFileSystem files;
  const std::string path = folder.Join("secret"), elsewhere = folder.Join("elsewhere");
  const mode_t before = ::umask(0);
  ASSERT_TRUE(WriteSecretFile(files, path, "one").ok());
  EXPECT_EQ(ModeOf(path), 0600u);
  // What a crash left, and a link that somebody put there.
  ASSERT_EQ(::symlink(elsewhere.c_str(), (path + ".tmp").c_str()), 0);
  ASSERT_TRUE(WriteSecretFile(files, path, "two").ok());
  ::umask(before);
  EXPECT_EQ(*files.ReadFile(path), "two");
  EXPECT_EQ(ModeOf(path), 0600u);
  EXPECT_FALSE(*files.Exists(elsewhere));
  EXPECT_FALSE(*files.Exists(path + ".tmp"));
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  ASSERT_TRUE(HideFromOthers(path).ok());
  EXPECT_EQ(ModeOf(path), 0600u);
  EXPECT_EQ(HideFromOthers(elsewhere).code(), Code::kIoError);
  EXPECT_EQ(WriteSecretFile(files, folder.Join("none/x"), "").code(), Code::kIoError);
}

}  // namespace
}  // namespace granary::security
