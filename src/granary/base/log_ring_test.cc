#include "granary/base/log_ring.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>

namespace granary {
namespace {

std::string Line(int n) { return R"({"msg":"line )" + std::to_string(n) + R"("})"; }

void Fill(LogRing& ring, int from, int to) {
  for (int n = from; n < to; ++n) ring.Append(LogLevel::kInfo, n * 10, Line(n));
}

TEST(LogRingTest, GivesTheLastLinesTheOldestFirst) {
  LogRing ring(1 << 20);
  Fill(ring, 0, 10);
  const LogPage page = ring.Read({.lines_max = 3});
  EXPECT_EQ(page.lines, (std::vector{Line(7), Line(8), Line(9)}));
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.first, 70);
  EXPECT_EQ(page.next, 90);
}

TEST(LogRingTest, PagesBackAndFollowsForthWithoutGapOrDouble) {
  LogRing ring(1 << 20);
  Fill(ring, 0, 10);
  std::vector<std::string> back;
  LogPage page = ring.Read({.lines_max = 4});
  const std::int64_t follow = page.next;
  for (;; page = ring.Read({.before = page.first, .lines_max = 4})) {
    back.insert(back.begin(), page.lines.begin(), page.lines.end());
    if (!page.more) break;
  }
  ASSERT_EQ(back.size(), 10u);
  for (int n = 0; n < 10; ++n) EXPECT_EQ(back[static_cast<std::size_t>(n)], Line(n));

  EXPECT_TRUE(ring.Read({.after = follow}).lines.empty());
  Fill(ring, 10, 15);
  const LogPage first = ring.Read({.after = follow, .lines_max = 3});
  EXPECT_EQ(first.lines, (std::vector{Line(10), Line(11), Line(12)}));
  EXPECT_TRUE(first.more);
  const LogPage second = ring.Read({.after = first.next, .lines_max = 3});
  EXPECT_EQ(second.lines, (std::vector{Line(13), Line(14)}));
  EXPECT_FALSE(second.more);
}

TEST(LogRingTest, HoldsItsBytesAndNoMore) {
  const std::string line(100, 'x');
  for (const std::size_t kept : {199u, 200u, 201u}) {
    LogRing ring(kept);
    for (int n = 0; n < 3; ++n) ring.Append(LogLevel::kInfo, n, line);
    EXPECT_EQ(ring.counts().lines, kept < 200 ? 1u : 2u) << kept;
    EXPECT_EQ(ring.counts().gone, kept < 200 ? 2u : 1u) << kept;
    EXPECT_LE(ring.counts().bytes, kept);
  }
}

TEST(LogRingTest, ALineThatIsLargerThanTheRingIsNotKeptAndPushesNobodyOut) {
  LogRing ring(100);
  ring.Append(LogLevel::kInfo, 1, std::string(50, 'a'));
  ring.Append(LogLevel::kInfo, 2, std::string(101, 'b'));
  EXPECT_EQ(ring.Read({}).lines, std::vector{std::string(50, 'a')});
  LogRing none(0);
  none.Append(LogLevel::kInfo, 1, "x");
  EXPECT_TRUE(none.Read({}).lines.empty());
}

TEST(LogRingTest, FiltersByLevelTextRequestAndTime) {
  LogRing ring(1 << 20);
  ring.Append(LogLevel::kDebug, 10, R"({"msg":"Begun","request_id":"a\"b"})");
  ring.Append(LogLevel::kWarn, 20, R"({"msg":"slow \"request_id\":\"r2\""})");
  ring.Append(LogLevel::kError, 30, R"({"msg":"failed","request_id":"r2"})");
  EXPECT_EQ(ring.Read({.level = LogLevel::kWarn}).lines.size(), 2u);
  EXPECT_EQ(ring.Read({.text = "bEGUN"}).lines.size(), 1u);
  EXPECT_EQ(ring.Read({.text = "nowhere"}).lines.size(), 0u);
  EXPECT_EQ(ring.Read({.request_id = "r2"}).lines.size(), 1u);
  EXPECT_EQ(ring.Read({.request_id = "a\"b"}).lines.size(), 1u);
  EXPECT_EQ(ring.Read({.request_id = "r"}).lines.size(), 0u);
  EXPECT_EQ(ring.Read({.since_us = 20}).lines.size(), 2u);
  EXPECT_EQ(ring.Read({.since_us = 21}).lines.size(), 1u);
}

TEST(LogRingTest, PositionsGrowThoughTheClockIsSetBack) {
  LogRing ring(1 << 20);
  ring.Append(LogLevel::kInfo, 1'000, "a");
  ring.Append(LogLevel::kInfo, 5, "b");
  ring.Append(LogLevel::kInfo, 5, "c");
  const LogPage page = ring.Read({.after = 1'000});
  EXPECT_EQ(page.lines, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(page.next, 1'002);
}

TEST(LogRingTest, APositionBeyondTheEndIsNoError) {
  LogRing ring(1 << 20);
  Fill(ring, 0, 3);
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() - 1;
  EXPECT_TRUE(ring.Read({.after = kLast}).lines.empty());
  EXPECT_EQ(ring.Read({.before = kLast}).lines.size(), 3u);
  EXPECT_TRUE(ring.Read({.before = 0}).lines.empty());
}

TEST(LogRingTest, AFollowerThatIsWrittenBesideMissesNothing) {
  LogRing ring(1 << 20);
  constexpr int kLines = 2'000;
  std::thread writer([&ring] { Fill(ring, 0, kLines); });
  std::vector<std::string> seen;
  for (std::int64_t after = -1; seen.size() < kLines;) {
    const LogPage page = ring.Read({.after = after, .lines_max = 64});
    seen.insert(seen.end(), page.lines.begin(), page.lines.end());
    after = page.next;
  }
  writer.join();
  for (int n = 0; n < kLines; ++n) ASSERT_EQ(seen[static_cast<std::size_t>(n)], Line(n));
}

}  // namespace
}  // namespace granary
