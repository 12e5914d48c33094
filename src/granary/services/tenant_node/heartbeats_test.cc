#include "granary/services/tenant_node/heartbeats.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "granary/io/posix_file_system.h"
#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

TEST(HeartbeatsTest, SaysWhoWhereWhomAndHowBusy) {
  HeartbeatOptions options;
  options.node_key = "k";
  options.node_url = "http://127.0.0.1:8000";
  options.version = "1";
  EXPECT_EQ(HeartbeatJson(options, {12.5, 3, 0, 4, 5, {"acme"}, {}}),
            R"({"key":"k","url":"http://127.0.0.1:8000","tenants":["acme"],"capacity":1,)"
            R"("version":"1","load":{"cpu_percent":12.500,"memory_percent":3.000,)"
            R"("queue_delay_ms":0.000,"queued":4,"workers":5}})");
}

TEST(HeartbeatsTest, ANodeWithManySaysWhomItServesAndWhomItLetGoOf) {
  HeartbeatOptions options;
  options.node_key = "k";
  options.capacity = 50;
  const std::string beat = HeartbeatJson(options, {.tenants = {"a", "b"}, .gone = {{"c", 7}}});
  EXPECT_NE(beat.find(R"("tenants":["a","b"],"gone":[{"tenant_id":"c","changed_us":7}],)"
                      R"("capacity":50,)"),
            std::string::npos)
      << beat;
}

TEST(HeartbeatsTest, AKeyIsMadeOnceAndIsItsOwnersAlone) {
  testing::TempDirectory folder;
  io::PosixFileSystem files;
  io::SystemRandom random;
  const auto first = LoadNodeKey(folder.path(), files, random);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(first->size(), 43u);
  EXPECT_EQ(*LoadNodeKey(folder.path(), files, random), *first);
  struct stat found {};
  ASSERT_EQ(::stat(folder.Join("node_key").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  ASSERT_TRUE(files.ReplaceFile(folder.Join("node_key"), "short\n").ok());
  EXPECT_EQ(LoadNodeKey(folder.path(), files, random).status().code(), Code::kCorruption);
}

TEST(HeartbeatsTest, WhatACrashLeftOfAKeyKeepsNoNodeFromStarting) {
  testing::TempDirectory folder;
  io::PosixFileSystem files;
  io::SystemRandom random;
  ASSERT_TRUE(files.ReplaceFile(folder.Join("node_key"), "").ok());
  ASSERT_TRUE(files.ReplaceFile(folder.Join("node_key.tmp"), "half").ok());
  const auto made = LoadNodeKey(folder.path(), files, random);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(*LoadNodeKey(folder.path(), files, random), *made);
  EXPECT_FALSE(*files.Exists(folder.Join("node_key.tmp")));
}

TEST(HeartbeatsTest, AnIdFollowsFromTheKey) {
  EXPECT_EQ(NodeIdOf("a"), NodeIdOf("a"));
  EXPECT_NE(NodeIdOf("a"), NodeIdOf("b"));
  EXPECT_EQ(NodeIdOf("a").size(), 21u);
}

TEST(HeartbeatsTest, TheUrlIsOneThatTheOperationNodeCanReach) {
  const auto url = [](const std::string& host, const std::string& operation_node) {
    return NodeUrlOf(host, 8000, false, operation_node, "box");
  };
  EXPECT_EQ(url("0.0.0.0", "http://127.0.0.1:8081"), "http://127.0.0.1:8000");
  EXPECT_EQ(url("0.0.0.0", "http://localhost:8081"), "http://127.0.0.1:8000");
  EXPECT_EQ(url("0.0.0.0", "http://10.0.0.1:8081"), "http://box:8000");
  EXPECT_EQ(url("::", "http://10.0.0.1:8081"), "http://box:8000");
  EXPECT_EQ(url("10.0.0.7", "http://127.0.0.1:8081"), "http://10.0.0.7:8000");
  EXPECT_EQ(url("fd00::7", "http://10.0.0.1:8081"), "http://[fd00::7]:8000");
  EXPECT_EQ(NodeUrlOf("a", 1, true, "http://b", "c"), "https://a:1");
}

}  // namespace
}  // namespace granary::services
