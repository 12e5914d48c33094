#include "granary/services/monitoring/exposition.h"

#include <cmath>

#include <gtest/gtest.h>

namespace granary::services {
namespace {

constexpr std::string_view kText =
    "# HELP requests_total Answered\n"
    "# TYPE requests_total counter\n"
    "requests_total{route=\"/a\",status=\"200\"} 3\n"
    "requests_total{route=\"a \\\"b\\\" \\\\ \\n\"} 4.5 1700000000000\n"
    "# TYPE seconds histogram\n"
    "seconds_bucket{le=\"0.1\"} 1\n"
    "seconds_bucket{le=\"+Inf\"} 2\n"
    "seconds_sum 0.5\n"
    "seconds_count 2\n"
    "up 1\n"
    "odd NaN\r\n";

TEST(ExpositionTest, ReadsFamiliesWithTheirSamples) {
  const Exposition read = ReadExposition(kText);
  EXPECT_EQ(read.bad_lines, 0u);
  ASSERT_EQ(read.families.size(), 4u);
  const MetricFamily& requests = *read.Find("requests_total");
  EXPECT_EQ(requests.type, "counter");
  EXPECT_EQ(requests.help, "Answered");
  ASSERT_EQ(requests.samples.size(), 2u);
  EXPECT_EQ(requests.samples[0].Label("status"), "200");
  EXPECT_EQ(requests.samples[1].Label("route"), "a \"b\" \\ \n");
  EXPECT_EQ(requests.samples[1].value, 4.5);
  EXPECT_EQ(read.Find("seconds")->samples.size(), 4u);
  EXPECT_EQ(read.Find("up")->type, "untyped");
  EXPECT_TRUE(std::isnan(read.Find("odd")->samples[0].value));
  EXPECT_EQ(read.Find("none"), nullptr);
}

TEST(ExpositionTest, PassesOverBadLinesAndKeepsTheOthers) {
  for (const char* bad :
       {"1up 2", "up", "up x", "up{a=1} 2", "up{a=\"1} 2", "up{a=\"1\" 2", "up{=\"1\"} 2", "{} 1",
        "up{a=\"\xff\"} 1", "up{a=\"1\\", "up{a=\"1\",a=\"2\"} 1", "# TYPE up ga uge",
        "# HELP up \xff", "# HELP up a\rb", "# TYPE  gauge"}) {
    const Exposition read = ReadExposition(std::string("a 1\n") + bad + "\nb 2\n");
    EXPECT_EQ(read.bad_lines, 1u) << bad;
    EXPECT_NE(read.Find("a"), nullptr) << bad;
    EXPECT_NE(read.Find("b"), nullptr) << bad;
  }
}

TEST(ExpositionTest, TakesNoMoreThanItsLimits) {
  std::string many;
  for (std::size_t i = 0; i < kSamplesMax + 1; ++i)
    many += "m{i=\"" + std::to_string(i) + "\"} 1\n";
  EXPECT_EQ(ReadExposition(many).bad_lines, 1u);
  many.resize(many.rfind("m{"));
  EXPECT_EQ(ReadExposition(many).bad_lines, 0u);
  EXPECT_EQ(ReadExposition(many).Find("m")->samples.size(), kSamplesMax);
  const std::string longest = "m{a=\"" + std::string(kLineBytesMax - 9, 'x') + "\"} 1";
  ASSERT_EQ(longest.size(), kLineBytesMax);
  EXPECT_EQ(ReadExposition(longest).bad_lines, 0u);
  EXPECT_EQ(ReadExposition(longest + "1").bad_lines, 1u);
}

TEST(ExpositionTest, ManyNamesAreReadInNoTimeAndNoMoreThanSoMany) {
  std::string names;
  for (int i = 0; i < 250'000; ++i) names += "# HELP h" + std::to_string(i) + " x\n";
  const Exposition read = ReadExposition(names);
  EXPECT_EQ(read.families.size(), kFamiliesMax);
  EXPECT_EQ(read.bad_lines, 250'000 - kFamiliesMax);
  FederatedText text;
  text.Add("a", read);
  text.Add("b", read);
  EXPECT_EQ(ReadExposition(text.Render()).families.size(), kFamiliesMax);
}

TEST(ExpositionTest, EveryCutOfATextIsReadWithoutHarm) {
  for (std::size_t i = 0; i <= kText.size(); ++i) ReadExposition(kText.substr(0, i));
}

TEST(FederatedTextTest, NamesTheServiceAndEachFamilyOnce) {
  FederatedText text;
  text.Add("a", ReadExposition("# TYPE up gauge\nup{service=\"x\"} 1\n"));
  text.Add("b", ReadExposition(
                    "# HELP up Whether\n# TYPE up gauge\nup 0\nseconds{q=\"\\n\\\"\"} +Inf\n"));
  FederatedText twice;
  twice.Add("a", ReadExposition("up{service=\"x\",exported_service=\"y\"} 1\n"));
  EXPECT_EQ(twice.Render(), "# TYPE up untyped\nup{service=\"a\",exported_service=\"x\"} 1\n");
  EXPECT_EQ(text.Render(),
            "# TYPE up gauge\n"
            "up{service=\"a\",exported_service=\"x\"} 1\n"
            "up{service=\"b\"} 0\n"
            "# TYPE seconds untyped\n"
            "seconds{service=\"b\",q=\"\\n\\\"\"} +Inf\n");
  FederatedText of_node;
  of_node.Add("tenant-node", ReadExposition("up{node=\"x\",exported_node=\"y\",a=\"1\"} 1\n"),
              "n1");
  EXPECT_EQ(
      of_node.Render(),
      "# TYPE up untyped\nup{service=\"tenant-node\",node=\"n1\",exported_node=\"x\",a=\"1\"} "
      "1\n");
  const Exposition of_b = PartOf(ReadExposition(text.Render()), "b");
  ASSERT_EQ(of_b.families.size(), 2u);
  EXPECT_EQ(of_b.Find("up")->samples[0].value, 0);
  EXPECT_TRUE(of_b.Find("up")->samples[0].labels.empty());
  // What is written is read again.
  EXPECT_EQ(ReadExposition(text.Render()).bad_lines, 0u);
}

}  // namespace
}  // namespace granary::services
