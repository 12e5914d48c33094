#include "granary/services/tenant_node/server_paths.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "granary/io/posix_file_system.h"
#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

struct ServerPathsTest : ::testing::Test {
  static ServerPaths With(std::string data, std::string allowed = {}) {
    Config config;
    config.data_path = std::move(data);
    config.allowed_data_paths = std::move(allowed);
    io::PosixFileSystem files;
    return ServerPaths(config, files);
  }
  static std::string Told(const ServerPaths& paths, std::string message) {
    return std::string(paths.Hide(Status::Corruption(std::move(message))).message());
  }
};

TEST_F(ServerPathsTest, NamesTheSettingInPlaceOfItsFolder) {
  const ServerPaths paths = With("/srv/granary/data", "/mnt/a:/mnt/b/");
  EXPECT_EQ(Told(paths, "/srv/granary/data/wal/0/1.wal: does not read"),
            "DATA_PATH/wal/0/1.wal: does not read");
  EXPECT_EQ(Told(paths, "open \"/srv/granary/data\" and /mnt/b/x: gone"),
            "open \"DATA_PATH\" and ALLOWED_DATA_PATHS/x: gone");
  EXPECT_EQ(Told(paths, "nothing lies in /srv/granary/data."), "nothing lies in DATA_PATH.");
  EXPECT_EQ(Told(paths, "/srv/granary/data/a /srv/granary/data/b"), "DATA_PATH/a DATA_PATH/b");
}

TEST_F(ServerPathsTest, LeavesOtherPathsAlone) {
  const ServerPaths paths = With("/data");
  for (const char* other : {"/database/x", "/srv/data/x", "./data/x", "/data-old/x", "a/data", ""})
    EXPECT_EQ(Told(paths, other), other);
}

TEST_F(ServerPathsTest, ARootInsideAnotherHasItsOwnName) {
  const ServerPaths paths = With("/data/granary", "/data");
  EXPECT_EQ(Told(paths, "/data/granary/x, /data/y"), "DATA_PATH/x, ALLOWED_DATA_PATHS/y");
}

TEST_F(ServerPathsTest, KnowsAFolderByItsLinkToo) {
  testing::TempDirectory folder;
  const std::filesystem::path real = std::filesystem::path(folder.path()) / "real";
  const std::filesystem::path link = std::filesystem::path(folder.path()) / "link";
  std::filesystem::create_directory(real);
  std::filesystem::create_directory_symlink(real, link);
  const ServerPaths paths = With(link.string());
  EXPECT_EQ(Told(paths, link.string() + "/a"), "DATA_PATH/a");
  EXPECT_EQ(Told(paths, real.string() + "/a"), "DATA_PATH/a");
}

TEST_F(ServerPathsTest, PointersAndRoutesAreNoPaths) {
  const ServerPaths paths = With("/data");
  const Status member = Status::Invalid(Code::kUnknownMember, "/data", "no such member: /data/x");
  const Status told = paths.Hide(member);
  EXPECT_EQ(told.message(), "/data: no such member: DATA_PATH/x");
  ASSERT_EQ(told.fields().size(), 1u);
  EXPECT_EQ(told.fields()[0], (FieldError{"/data", "no such member: DATA_PATH/x"}));
  EXPECT_EQ(paths.Hide(member.At("message 3")).message(),
            "message 3: /data: no such member: DATA_PATH/x");
  const Status later = Status::Unsupported("POST /data/delete is not offered by this version");
  EXPECT_EQ(paths.Hide(later).message(), later.message());
  EXPECT_TRUE(paths.Hide(Status::Ok()).ok());
}

}  // namespace
}  // namespace granary::services
