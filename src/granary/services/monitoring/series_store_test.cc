#include "granary/services/monitoring/series_store.h"

#include <gtest/gtest.h>

#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kDayStart = 1'700'006'400 * kSecondUs;  // 2023-11-15T00:00:00Z

struct SeriesStoreTest : ::testing::Test {
  void SetUp() override { Open(3650); }
  void Open(std::int64_t days) {
    store = nullptr;
    auto opened = SeriesStore::Open(
        {.root = folder.path(), .retention_days = days, .memory_bytes = 32u << 20}, Logger::Null());
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store = opened.Take();
  }
  void See(std::string service, std::int64_t at_seconds, std::string_view metrics) {
    Scrape scrape{.target = {std::move(service), ""}, .at_us = kDayStart + at_seconds * kSecondUs};
    scrape.up = true;
    scrape.metrics = ReadExposition(metrics);
    ASSERT_TRUE(store->Append({scrape}).ok());
  }
  std::string Read(std::string name, std::int64_t seconds, std::int64_t step, SeriesOf of,
                   std::string service = {}) {
    const auto series = store->Read({.name = std::move(name),
                                     .service = std::move(service),
                                     .start_us = kDayStart,
                                     .end_us = kDayStart + seconds * kSecondUs,
                                     .step_us = step * kSecondUs,
                                     .of = of},
                                    {});
    if (!series.ok()) return series.status().ToString();
    std::string out;
    for (const Series& one : *series) {
      out += one.service + one.labels + ":";
      for (const SeriesPoint& point : one.points) {
        out += " " + std::to_string((point.at_us - kDayStart) / kSecondUs) + "=" +
               std::to_string(static_cast<int>(point.value * 10));
      }
      out += ";";
    }
    return out;
  }

  testing::TempDirectory folder;
  std::unique_ptr<SeriesStore> store;
};

TEST_F(SeriesStoreTest, ReadsStepsOfEachSeries) {
  See("a", 0, "heat{room=\"1\"} 1\nheat{room=\"2\"} 5");
  See("a", 5, "heat{room=\"1\"} 2");
  See("b", 10, "heat 9");
  EXPECT_EQ(Read("heat", 20, 10, SeriesOf::kAvg),
            "a{\"room\":\"1\"}: 0=15;a{\"room\":\"2\"}: 0=50;b{}: 10=90;");
  EXPECT_EQ(Read("heat", 10, 10, SeriesOf::kMax),
            "a{\"room\":\"1\"}: 0=20;a{\"room\":\"2\"}: 0=50;");
  EXPECT_EQ(Read("heat", 20, 10, SeriesOf::kMin, "b"), "b{}: 10=90;");
  EXPECT_EQ(Read("none", 20, 10, SeriesOf::kAvg), "");
  EXPECT_EQ(*store->Names({}), (std::vector<std::string>{"heat", "ready", "up"}));
}

TEST_F(SeriesStoreTest, RatesTakeACounterThatFellForANewOne) {
  See("a", -10, "n_total 100");
  See("a", 0, "n_total 110");
  See("a", 10, "n_total 130");
  See("a", 20, "n_total 5");
  EXPECT_EQ(Read("n_total", 30, 10, SeriesOf::kRate), "a{}: 0=10 10=20 20=5;");
}

TEST_F(SeriesStoreTest, RatesGoByWhenACounterWasRead) {
  See("a", 1, "n_total 100");
  EXPECT_EQ(Read("n_total", 10, 10, SeriesOf::kRate), "a{}:;");  // One reading is no growth.
  See("a", 3, "n_total 104");
  EXPECT_EQ(Read("n_total", 10, 10, SeriesOf::kRate), "a{}: 0=20;");
  See("a", 9, "n_total 116");
  See("a", 11, "n_total 120");  // The step has only begun.
  EXPECT_EQ(Read("n_total", 20, 10, SeriesOf::kRate), "a{}: 0=20 10=20;");
  See("b", 12, "n_total 7");
  EXPECT_EQ(Read("n_total", 20, 10, SeriesOf::kRate), "a{}: 0=20 10=20;b{}:;");
}

TEST_F(SeriesStoreTest, KeepsNoBucketsAndNothingThatIsNoNumber) {
  See("a", 0, "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\nodd NaN\nfar +Inf\n");
  EXPECT_EQ(*store->Names({}), (std::vector<std::string>{"h_count", "h_sum", "ready", "up"}));
}

TEST_F(SeriesStoreTest, IsThereAfterAnotherStartWithAnotherRetention) {
  See("a", 0, "heat 1");
  ASSERT_TRUE(store->Close().ok());
  Open(7);
  EXPECT_EQ(Read("heat", 10, 10, SeriesOf::kLast), "a{}: 0=10;");
  ASSERT_TRUE(store->Close().ok());
  Open(7);
}

TEST_F(SeriesStoreTest, RefusesRangesThatAreNone) {
  const auto code = [&](std::int64_t seconds, std::int64_t step_us) {
    return store
        ->Read({.name = "up",
                .service = {},
                .start_us = kDayStart,
                .end_us = kDayStart + seconds * kSecondUs,
                .step_us = step_us},
               {})
        .status()
        .code();
  };
  EXPECT_EQ(code(kPointsMax, kSecondUs), Code::kOk);
  EXPECT_EQ(code(kPointsMax + 1, kSecondUs), Code::kInvalidArgument);
  EXPECT_EQ(code(0, kSecondUs), Code::kInvalidArgument);
  EXPECT_EQ(code(10, kSecondUs - 1), Code::kInvalidArgument);
}

}  // namespace
}  // namespace granary::services
