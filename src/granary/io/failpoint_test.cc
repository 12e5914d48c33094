#include "granary/io/failpoint.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace granary::io {
namespace {

TEST(FailpointsTest, NothingHappensUntilArmed) {
  Failpoints points;
  EXPECT_TRUE(points.Hit("a").ok());
  EXPECT_TRUE(points.passes().empty());
}

TEST(FailpointsTest, FiresAtTheNthPassOnly) {
  Failpoints points;
  ASSERT_TRUE(points.Arm("a=error@2").ok());
  EXPECT_TRUE(points.Hit("a").ok());
  EXPECT_TRUE(points.Hit("b").ok());
  EXPECT_EQ(points.Hit("a").code(), Code::kIoError);
  EXPECT_TRUE(points.Hit("a").ok());
}

TEST(FailpointsTest, APlusMeansEveryLaterOne) {
  Failpoints points;
  ASSERT_TRUE(points.Arm("wal.sync=full@2+,b=error@1").ok());
  EXPECT_TRUE(points.Hit("wal.sync").ok());
  EXPECT_EQ(points.Hit("wal.sync").code(), Code::kDiskFull);
  EXPECT_EQ(points.Hit("wal.sync").code(), Code::kDiskFull);
  EXPECT_EQ(points.Hit("b").message(), "failpoint b at pass 1");
}

TEST(FailpointsDeathTest, KillIsASigkill) {
  Failpoints points;
  ASSERT_TRUE(points.Arm("a=kill@1").ok());
  EXPECT_EXIT((void)points.Hit("a"), ::testing::KilledBySignal(SIGKILL), "");
}

TEST(FailpointsTest, PassesAreCountedOnceArmedEvenWithNothing) {
  Failpoints points;
  ASSERT_TRUE(points.Arm("").ok());
  for (const char* name : {"b", "a", "b"}) EXPECT_TRUE(points.Hit(name).ok());
  const auto passes = points.passes();
  ASSERT_EQ(passes.size(), 2u);
  EXPECT_EQ(passes[0].name, "a");
  EXPECT_EQ(passes[1].name, "b");
  EXPECT_EQ(passes[1].count, 2u);
}

TEST(FailpointsTest, ABadSpecNamesTheBadPartAndArmsNothing) {
  for (const char* spec :
       {"a", "a=error", "=error@1", "a=error@", "a=error@0", "a=error@x", "a=error@1++",
        "a=explode@1", "a@1=error", "a=error@99999999999999999999", ",", "b=error@1,,"}) {
    Failpoints points;
    const Status status = points.Arm(spec);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << spec;
    EXPECT_TRUE(points.Hit("b").ok()) << spec;
  }
  Failpoints points;
  EXPECT_NE(points.Arm("a=error@1,b=boom@2").message().find("b=boom@2"), std::string_view::npos);
}

TEST(FailpointsTest, NoneCannotBeArmed) {
  EXPECT_EQ(Failpoints::None().Arm("a=error@1").code(), Code::kUnsupported);
  EXPECT_TRUE(Failpoints::None().Hit("a").ok());
  EXPECT_TRUE(Failpoints::None().passes().empty());
}

}  // namespace
}  // namespace granary::io
