#include "granary/services/monitoring/silences.h"

#include <gtest/gtest.h>

#include "granary/testing/fake_clock.h"
#include "granary/testing/memory_file_system.h"

namespace granary::services {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;

struct SilenceBookTest : ::testing::Test {
  Silence Of(std::string rule, std::string service, std::int64_t minutes) {
    Silence out;
    out.rule = std::move(rule);
    out.service = std::move(service);
    out.until_us = clock.WallMicros() + minutes * kMinuteUs;
    return out;
  }
  static Alert AlertOf(std::string rule, std::string service) {
    Alert out;
    out.rule = std::move(rule);
    out.service = std::move(service);
    return out;
  }
  testing::MemoryFileSystem files;
  testing::FakeClock clock;
  SilenceBook book{"silences.json", files, clock};
};

TEST_F(SilenceBookTest, CoversByRuleByServiceOrByBothUntilItEnds) {
  ASSERT_TRUE(book.Add(Of("Hot", "", 10)).ok());
  ASSERT_TRUE(book.Add(Of("Down", "node", 5)).ok());
  EXPECT_TRUE(book.Covers(AlertOf("Hot", "any")));
  EXPECT_TRUE(book.Covers(AlertOf("Down", "node")));
  EXPECT_FALSE(book.Covers(AlertOf("Down", "other")));
  clock.AdvanceMicros(5 * kMinuteUs);
  EXPECT_FALSE(book.Covers(AlertOf("Down", "node")));
  EXPECT_EQ(book.Active().size(), 1u);
}

TEST_F(SilenceBookTest, IsKept) {
  ASSERT_TRUE(book.Add(Of("Hot", "", 10)).ok());
  SilenceBook again("silences.json", files, clock);
  ASSERT_TRUE(again.Load().ok());
  ASSERT_EQ(again.Active().size(), 1u);
  EXPECT_EQ(SilenceJson(again.Active()[0]), SilenceJson(book.Active()[0]));
  ASSERT_TRUE(again.End("1").ok());
  EXPECT_EQ(again.End("1").code(), Code::kNotFound);
  SilenceBook third("silences.json", files, clock);
  ASSERT_TRUE(third.Load().ok());
  EXPECT_TRUE(third.Active().empty());
}

TEST_F(SilenceBookTest, ADamagedFileIsNamed) {
  ASSERT_TRUE(files.ReplaceFile("silences.json", "{\"silences\":[{\"id\":1}]}").ok());
  const Status status = book.Load();
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_NE(status.message().find("silences.json"), std::string::npos);
}

TEST_F(SilenceBookTest, HasALimit) {
  for (std::size_t i = 0; i < SilenceBook::kSilencesMax; ++i)
    ASSERT_TRUE(book.Add(Of("Hot", "", 10)).ok());
  EXPECT_EQ(book.Add(Of("Hot", "", 10)).status().code(), Code::kQuotaExceeded);
  ASSERT_TRUE(book.End("7").ok());
  EXPECT_EQ(book.Add(Of("Hot", "", 10))->id, "7");
}

}  // namespace
}  // namespace granary::services
