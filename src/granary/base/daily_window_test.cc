#include "granary/base/daily_window.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

constexpr std::int64_t kDay = 19'000ll * 24 * 3600 * 1'000'000;

constexpr std::int64_t At(int hour, int minute) {
  return kDay + (hour * 60ll + minute) * 60'000'000;
}

TEST(DailyWindowTest, TheEndIsNotInIt) {
  const auto window = DailyWindow::Parse("08:00-18:30");
  ASSERT_TRUE(window);
  EXPECT_FALSE(window->Contains(At(8, 0) - 1));
  EXPECT_TRUE(window->Contains(At(8, 0)));
  EXPECT_TRUE(window->Contains(At(18, 30) - 1));
  EXPECT_FALSE(window->Contains(At(18, 30)));
}

TEST(DailyWindowTest, GoesOverMidnight) {
  const auto window = DailyWindow::Parse("22:00-06:00");
  ASSERT_TRUE(window);
  EXPECT_FALSE(window->Contains(At(22, 0) - 1));
  EXPECT_TRUE(window->Contains(At(22, 0)));
  EXPECT_TRUE(window->Contains(At(0, 0)));
  EXPECT_TRUE(window->Contains(At(6, 0) - 1));
  EXPECT_FALSE(window->Contains(At(6, 0)));
  EXPECT_TRUE(window->Contains(-1)) << "a microsecond before 1970";
  EXPECT_EQ(window->NextBegin(At(6, 0)), At(22, 0));
  EXPECT_EQ(window->NextBegin(At(23, 0)), At(23, 0));
}

TEST(DailyWindowTest, TheNextOneMayBeTomorrow) {
  const auto window = DailyWindow::Parse("08:00-09:00");
  ASSERT_TRUE(window);
  EXPECT_EQ(window->NextBegin(At(7, 59)), At(8, 0));
  EXPECT_EQ(window->NextBegin(At(9, 0)), At(24 + 8, 0));
}

TEST(DailyWindowTest, NoneIsAlways) {
  EXPECT_TRUE(DailyWindow().is_always());
  EXPECT_TRUE(DailyWindow().Contains(At(3, 0)));
  EXPECT_EQ(DailyWindow().NextBegin(At(3, 0)), At(3, 0));
}

TEST(DailyWindowTest, RefusesWhatIsNoWindow) {
  for (const char* text :
       {"", "22:00", "22:00-", "22:00-6:00", "24:00-06:00", "22:60-06:00", "22:00-22:00",
        "22:00-06:00 ", "22.00-06.00", "a2:00-06:00", "22:00~06:00", "-1:00-06:00", "22:00-06:000"})
    EXPECT_FALSE(DailyWindow::Parse(text)) << text;
  EXPECT_TRUE(DailyWindow::Parse("00:00-23:59"));
  EXPECT_TRUE(DailyWindow::Parse("23:59-00:00"));
}

}  // namespace
}  // namespace granary
