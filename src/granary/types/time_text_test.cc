#include "granary/types/time_text.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace granary {
namespace {

std::string Stamp(std::int64_t value, TimeUnit unit) {
  std::string out;
  AppendTimestamp(value, unit, out);
  return out;
}

std::string DateText(std::int64_t days) {
  std::string out;
  AppendDate(days, out);
  return out;
}

TEST(TimeTextTest, ReadsDatesThatExist) {
  EXPECT_EQ(ParseDate("1970-01-01"), 0);
  EXPECT_EQ(ParseDate("1969-12-31"), -1);
  EXPECT_EQ(ParseDate("2024-02-29"), 19782);
  EXPECT_EQ(ParseDate("0001-01-01"), -719162);
  EXPECT_EQ(ParseDate("9999-12-31"), 2932896);
  for (const char* text :
       {"2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "2024-04-31",
        "0000-01-01", "2024-1-1", "20240101", "2024-01-01 ", "10000-01-01", "", "2024-01-0a"}) {
    EXPECT_FALSE(ParseDate(text)) << text;
  }
}

TEST(TimeTextTest, EveryDayOfTheCalendarReadsBack) {
  for (std::int64_t day = *ParseDate("0001-01-01"); day <= *ParseDate("9999-12-31"); ++day) {
    ASSERT_EQ(ParseDate(DateText(day)), day);
  }
}

TEST(TimeTextTest, AppliesOffsetsAndKeepsNanoseconds) {
  EXPECT_EQ(ParseTimestamp("2024-01-15T10:00:00.123456789+02:00", TimeUnit::kNano).Take(),
            1'705'305'600'123'456'789);
  EXPECT_EQ(ParseTimestamp("2024-01-15", TimeUnit::kSecond).Take(), 1'705'276'800);
  const std::int64_t ten = 1'705'312'800;
  for (const char* text : {"2024-01-15T10:00:00Z", "2024-01-15 10:00:00", "2024-01-15t10:00z",
                           "2024-01-15T10:00", "2024-01-15T12:00:00+02:00", "2024-01-15T12:00+0200",
                           "2024-01-15T04:30:00-05:30", "2024-01-15T11:00:00.000000000000+01"}) {
    const auto read = ParseTimestamp(text, TimeUnit::kSecond);
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(read.value(), ten) << text;
  }
}

TEST(TimeTextTest, RefusesWhatIsNoInstant) {
  for (const char* text :
       {"", "2024", "2024-01-15T", "2024-01-15T10", "2024-01-15T24:00:00Z", "2024-01-15T10:60:00Z",
        "2024-01-15T23:59:60Z", "2024-01-15T10:00:00.Z", "2024-01-15T10:00:00+24:00",
        "2024-01-15T10:00:00+02:60", "2024-01-15T10:00:00 Z", "2024-01-15T10:00:00Zx", "abc",
        "2024-02-30T10:00:00Z", "1705312800"}) {
    EXPECT_EQ(ParseTimestamp(text, TimeUnit::kNano).status().code(), Code::kInvalidRecord) << text;
  }
}

TEST(TimeTextTest, RefusesFinerThanTheUnitUnlessZero) {
  EXPECT_TRUE(ParseTimestamp("2024-01-15T10:00:00.123000", TimeUnit::kMilli).ok());
  EXPECT_FALSE(ParseTimestamp("2024-01-15T10:00:00.1234", TimeUnit::kMilli).ok());
  EXPECT_FALSE(ParseTimestamp("2024-01-15T10:00:00.1234567891", TimeUnit::kNano).ok());
  EXPECT_FALSE(ParseTimestamp("2024-01-15T10:00:00.5", TimeUnit::kSecond).ok());
}

TEST(TimeTextTest, NanosecondsReachToBothEndsOf64Bits) {
  const auto min = std::numeric_limits<std::int64_t>::min();
  const auto max = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(ParseTimestamp("1677-09-21T00:12:43.145224192Z", TimeUnit::kNano).Take(), min);
  EXPECT_EQ(ParseTimestamp("2262-04-11T23:47:16.854775807Z", TimeUnit::kNano).Take(), max);
  EXPECT_FALSE(ParseTimestamp("1677-09-21T00:12:43.145224191Z", TimeUnit::kNano).ok());
  EXPECT_FALSE(ParseTimestamp("2262-04-11T23:47:16.854775808Z", TimeUnit::kNano).ok());
  EXPECT_EQ(Stamp(min, TimeUnit::kNano), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(Stamp(max, TimeUnit::kNano), "2262-04-11T23:47:16.854775807Z");
  EXPECT_TRUE(ParseTimestamp("9999-12-31T23:59:59.999999Z", TimeUnit::kMicro).ok());
}

TEST(TimeTextTest, TakesInstantsOfTheYears1To9999InUtc) {
  for (const auto unit : {TimeUnit::kSecond, TimeUnit::kMilli, TimeUnit::kMicro}) {
    for (const char* text :
         {"0001-01-01T00:00:00Z", "0001-01-01T00:00:01Z", "0001-01-01T01:00:00+01:00",
          "9999-12-31T23:59:58Z", "9999-12-31T23:59:59Z", "9999-12-31T22:59:59-01:00"}) {
      const auto read = ParseTimestamp(text, unit);
      ASSERT_TRUE(read.ok()) << text;
      EXPECT_EQ(ParseTimestamp(Stamp(*read, unit), unit).Take(), *read) << text;
    }
    for (const char* text :
         {"0001-01-01T00:00:00+00:01", "0001-01-01T00:59:59+01:00", "9999-12-31T23:59:59-00:01",
          "9999-12-31T23:00:00-01:00", "0000-12-31T23:59:59Z"}) {
      EXPECT_EQ(ParseTimestamp(text, unit).status().code(), Code::kInvalidRecord) << text;
    }
  }
  EXPECT_TRUE(ParseTimestamp("9999-12-31T23:59:59.999999Z", TimeUnit::kMicro).ok());
  EXPECT_NE(ParseTimestamp("9999-12-31T23:59:59-01:00", TimeUnit::kSecond)
                .status()
                .message()
                .find("outside the years 0001 to 9999"),
            std::string_view::npos);
}

TEST(TimeTextTest, WritesTheFractionOnlyWhereItIs) {
  EXPECT_EQ(Stamp(0, TimeUnit::kNano), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Stamp(1, TimeUnit::kNano), "1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(Stamp(1'500, TimeUnit::kMilli), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(Stamp(-1, TimeUnit::kMicro), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(Stamp(253'402'300'800, TimeUnit::kSecond), "+10000-01-01T00:00:00Z");
}

TEST(TimeTextTest, ExtremesOfEveryUnitPrint) {
  for (const auto unit : {TimeUnit::kSecond, TimeUnit::kMilli, TimeUnit::kMicro, TimeUnit::kNano}) {
    for (const auto value :
         {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
      EXPECT_TRUE(Stamp(value, unit).ends_with('Z'));
    }
  }
}

TEST(TimeTextTest, TimestampsReadBack) {
  const std::uint64_t seed = 7;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::int64_t>(random());
    ASSERT_EQ(ParseTimestamp(Stamp(value, TimeUnit::kNano), TimeUnit::kNano).Take(), value);
  }
}

/// A small t is read by the longer way, which the usual spelling only spares.
TEST(TimeTextTest, TheUsualSpellingIsReadLikeAnyOther) {
  const std::string usual = "2024-02-29T23:59:59.25+01:30";
  constexpr std::size_t kPlaceOfT = 10;
  for (std::size_t at = 0; at < usual.size(); ++at) {
    for (char c = ' '; c < '\x7f'; ++c) {
      std::string text = usual;
      text[at] = c;
      if (text[kPlaceOfT] != 'T') continue;
      std::string longer_way = text;
      longer_way[kPlaceOfT] = 't';
      const auto expected = ParseInstant(longer_way);
      const auto read = ParseInstant(text);
      ASSERT_EQ(read.has_value(), expected.has_value()) << text;
      if (!read) continue;
      EXPECT_EQ(read->seconds, expected->seconds) << text;
      EXPECT_EQ(read->nanos, expected->nanos) << text;
    }
  }
}

TEST(TimeTextTest, TimesOfDay) {
  EXPECT_EQ(ParseTime("00:00:00"), 0);
  EXPECT_EQ(ParseTime("23:59:59.999999"), 86'399'999'999);
  for (const char* text :
       {"24:00:00", "10:00", "10:00:00.1234567", "10:00:00Z", "", "10:00:00.", "1:00:00"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
  std::string out;
  AppendTime(36'000'500'000, out);
  EXPECT_EQ(out, "10:00:00.5");
}

}  // namespace
}  // namespace granary
