#include "granary/cli/histogram_chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace granary::cli {
namespace {

TEST(HistogramChartTest, DrawsCommonValuesAndBuckets) {
  const auto chart = HistogramChart(R"({"columns": {
      "region": {"type": "string", "nulls": 1, "distinct": 3, "min": "asia", "max": "us",
        "most_common": [{"value": "eu", "rows": 50}],
        "histogram": {"described": 100, "sampled": 80, "nans": 0, "from": "asia",
                      "buckets": [{"to": "us", "rows": 50}]}},
      "note": {"type": "json", "nulls": 0, "distinct": null, "min": null, "max": null,
        "most_common": null, "histogram": null}}})");
  ASSERT_TRUE(chart.ok()) << chart.status().ToString();
  EXPECT_NE(chart->find("region  string  nulls 1  distinct 3  asia … us\n"
                        "  estimated by 80 of 100 values\n"),
            std::string::npos)
      << *chart;
  EXPECT_NE(chart->find("50.0 %  ####################\n"), std::string::npos) << *chart;
  EXPECT_NE(chart->find("asia … us"), std::string::npos);
  EXPECT_NE(chart->find("note  json  nulls 0  distinct null  null … null\n"
                        "  no histogram is known\n"),
            std::string::npos)
      << *chart;
}

TEST(HistogramChartTest, ManyBucketsBecomeSixteenLines) {
  std::string buckets;
  for (int i = 1; i <= 64; ++i)
    buckets += std::string(i > 1 ? "," : "") + R"({"to": )" + std::to_string(i) + R"(, "rows": 1})";
  const auto chart = HistogramChart(
      R"({"columns": {"n": {"most_common": [], "histogram": {"described": 64, "sampled": 64, "from": 0, "buckets": [)" +
      buckets + "]}}}}");
  ASSERT_TRUE(chart.ok());
  EXPECT_EQ(std::count(chart->begin(), chart->end(), '\n'), 1 + 2 + 16)
      << *chart;  // Column, head, lines.
  EXPECT_NE(chart->find("60 … 64"), std::string::npos) << *chart;
}

TEST(HistogramChartTest, RefusesAnotherAnswer) {
  EXPECT_FALSE(HistogramChart("{}").ok());
  EXPECT_FALSE(HistogramChart("nonsense").ok());
}

}  // namespace
}  // namespace granary::cli
