#include "granary/query/exec/civil_floor.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

#include "granary/types/time_text.h"

namespace granary::query {
namespace {

std::string Floored(DatePart part, std::string_view text, TimeUnit unit = TimeUnit::kNano) {
  std::int64_t value = ParseTimestamp(text, unit).value();
  FloorInstants(part, UnitsPerSecond(unit), &value, 1);
  std::string out;
  AppendTimestamp(value, unit, out);
  return out;
}

TEST(CivilFloorTest, KnownInstants) {
  const std::string_view at = "2024-02-29T13:47:59.123456789Z";
  EXPECT_EQ(Floored(DatePart::kYear, at), "2024-01-01T00:00:00Z");
  EXPECT_EQ(Floored(DatePart::kQuarter, at), "2024-01-01T00:00:00Z");
  EXPECT_EQ(Floored(DatePart::kMonth, at), "2024-02-01T00:00:00Z");
  EXPECT_EQ(Floored(DatePart::kWeek, at), "2024-02-26T00:00:00Z");  // a Monday
  EXPECT_EQ(Floored(DatePart::kDay, at), "2024-02-29T00:00:00Z");
  EXPECT_EQ(Floored(DatePart::kHour, at), "2024-02-29T13:00:00Z");
  EXPECT_EQ(Floored(DatePart::kMinute, at), "2024-02-29T13:47:00Z");
}

TEST(CivilFloorTest, BeforeTheEpochFloorsDownwards) {
  const std::string_view at = "1969-12-31T23:59:59.999Z";
  EXPECT_EQ(Floored(DatePart::kYear, at), "1969-01-01T00:00:00Z");
  EXPECT_EQ(Floored(DatePart::kQuarter, at), "1969-10-01T00:00:00Z");
  EXPECT_EQ(Floored(DatePart::kWeek, at), "1969-12-29T00:00:00Z");
  EXPECT_EQ(Floored(DatePart::kMinute, at), "1969-12-31T23:59:00Z");
  EXPECT_EQ(Floored(DatePart::kMonth, "0001-01-15T00:00:00Z", TimeUnit::kSecond),
            "0001-01-01T00:00:00Z");
}

TEST(CivilFloorTest, WeeksAreIsoWeeksAtTheTurnOfTheYear) {
  EXPECT_EQ(Floored(DatePart::kWeek, "2021-01-03T12:00:00Z"), "2020-12-28T00:00:00Z");
  EXPECT_EQ(Floored(DatePart::kWeek, "2021-01-04T00:00:00Z"), "2021-01-04T00:00:00Z");
}

TEST(CivilFloorTest, EveryDayOfEightCenturiesAgreesWithTheStandardLibrary) {
  using namespace std::chrono;
  for (std::int64_t day = -150'000; day < 150'000; ++day) {
    const year_month_day civil{sys_days{days{day}}};
    const auto days_of = [](year_month_day date) {
      return sys_days{date}.time_since_epoch().count();
    };
    ASSERT_EQ(FloorDays(DatePart::kYear, day), days_of(civil.year() / January / 1));
    ASSERT_EQ(FloorDays(DatePart::kMonth, day), days_of(civil.year() / civil.month() / 1));
    const unsigned quarter = (static_cast<unsigned>(civil.month()) - 1) / 3 * 3 + 1;
    ASSERT_EQ(FloorDays(DatePart::kQuarter, day), days_of(civil.year() / month{quarter} / 1));
    const weekday of_week{sys_days{days{day}}};
    ASSERT_EQ(FloorDays(DatePart::kWeek, day), day - static_cast<int>(of_week.iso_encoding()) + 1);
  }
}

TEST(CivilFloorTest, AFloorBelowTheLeastInstantIsTheLeastInstant) {
  std::int64_t value = std::numeric_limits<std::int64_t>::min() + 1;
  FloorInstants(DatePart::kYear, 1'000'000'000, &value, 1);
  EXPECT_EQ(value, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(FloorToMultiple(std::numeric_limits<std::int64_t>::min() + 1, 10),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(FloorToMultiple(-1, 10), -10);
  EXPECT_EQ(FloorToMultiple(-10, 10), -10);
  EXPECT_EQ(FloorToMultiple(19, 10), 10);
}

TEST(CivilFloorTest, MultiplesMayBeCountedFromAnotherStart) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(FloorToPhase(3, 7, 4), -3);
  EXPECT_EQ(FloorToPhase(4, 7, 4), 4);
  EXPECT_EQ(FloorToPhase(10, 7, 4), 4);
  EXPECT_EQ(FloorToPhase(-3, 7, 4), -3);
  EXPECT_EQ(FloorToPhase(-4, 7, 4), -10);
  EXPECT_EQ(FloorToPhase(kLeast, 7, 4), kLeast);
  EXPECT_EQ(FloorToPhase(kMost, kMost, kMost - 1), kMost - 1);
  EXPECT_EQ(FloorToPhase(kMost, kMost, 0), kMost);
  EXPECT_EQ(FloorToPhase(0, kMost, kMost - 1), -1);
  for (std::int64_t value = -50; value <= 50; ++value) {
    EXPECT_EQ(FloorToPhase(value, 7, 0), FloorToMultiple(value, 7)) << value;
    EXPECT_EQ(FloorToPhase(value, 7, 4), FloorDays(DatePart::kWeek, value)) << value;
  }
}

}  // namespace
}  // namespace granary::query
