#include "granary/services/monitoring/alert_rules.h"

#include <gtest/gtest.h>

namespace granary::services {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

Scrape Seen(std::int64_t at_seconds, std::string_view metrics, bool up = true, bool ready = true) {
  Scrape out{.target = {"node", "http://127.0.0.1:1"}, .at_us = at_seconds * kSecond};
  out.up = up;
  out.ready = ready;
  out.measured = up;
  out.metrics = ReadExposition(metrics);
  return out;
}

AlertBook Book(std::string_view rules) { return AlertBook(ParseAlertRules(rules).Take()); }

std::string Told(const std::vector<AlertChange>& changes) {
  std::string out;
  for (const AlertChange& change : changes)
    out += (change.resolved ? "-" : "+") + change.alert.rule + change.alert.labels + ";";
  return out;
}

TEST(AlertBookTest, FiresOnceTheConditionHasHeldForLongEnough) {
  AlertBook book =
      Book(R"({"rules":[{"name":"Hot","metric":"heat","op":"gte","value":10,"for_seconds":30}]})");
  EXPECT_EQ(Told(book.Look({Seen(0, "heat 9")}, 0)), "");
  EXPECT_TRUE(book.active().empty());
  EXPECT_EQ(Told(book.Look({Seen(10, "heat 10")}, 10 * kSecond)), "");
  ASSERT_EQ(book.active().size(), 1u);
  EXPECT_FALSE(book.active()[0].firing);
  EXPECT_EQ(Told(book.Look({Seen(39, "heat 10")}, 39 * kSecond)), "");
  EXPECT_EQ(Told(book.Look({Seen(40, "heat 11")}, 40 * kSecond)), "+Hot;");
  EXPECT_EQ(Told(book.Look({Seen(50, "heat 11")}, 50 * kSecond)), "");
  EXPECT_EQ(Told(book.Look({Seen(60, "heat 9")}, 60 * kSecond)), "-Hot;");
  EXPECT_TRUE(book.active().empty());
}

Scrape OfNode(std::string node, std::int64_t at_seconds, std::string_view metrics) {
  Scrape out = Seen(at_seconds, metrics);
  out.target = {"tenant-node", "http://127.0.0.1:1", std::move(node)};
  return out;
}

TEST(AlertBookTest, NodesAreToldApartAndForgottenWhenTheyAreGone) {
  AlertBook book =
      Book(R"({"rules":[{"name":"Grew","metric":"n_total","of":"rate","op":"gt","value":1}]})");
  book.Look({OfNode("a", 0, "n_total 0"), OfNode("b", 0, "n_total 0")}, 0);
  const auto changes =
      book.Look({OfNode("a", 10, "n_total 100"), OfNode("b", 10, "n_total 1")}, 10 * kSecond);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].alert.node, "a");
  // One that there was no time for stays as it is.
  Scrape old = OfNode("a", 10, "n_total 100");
  old.is_new = false;
  EXPECT_EQ(Told(book.Look({old}, 20 * kSecond)), "");
  EXPECT_EQ(book.active().size(), 1u);
  EXPECT_EQ(Told(book.Look({}, 30 * kSecond)), "-Grew;");
  // Of one that comes back nothing is known any more.
  EXPECT_EQ(Told(book.Look({OfNode("a", 40, "n_total 1000")}, 40 * kSecond)), "");
}

TEST(AlertBookTest, ANodeHasNoMoreAlertsOfARuleThanSoMany) {
  AlertBook book = Book(R"({"rules":[{"name":"Hot","metric":"heat","op":"gt","value":0}]})");
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += "heat{x=\"" + std::to_string(i) + "\"} 1\n";
  EXPECT_EQ(book.Look({OfNode("a", 0, many), OfNode("b", 0, "heat 1")}, 0).size(),
            kAlertsPerNodeMax + 1);
}

TEST(AlertBookTest, ABreakBeginsTheTimeAnew) {
  AlertBook book =
      Book(R"({"rules":[{"name":"Hot","metric":"heat","op":"gt","value":1,"for_seconds":30}]})");
  book.Look({Seen(0, "heat 2")}, 0);
  book.Look({Seen(20, "heat 1")}, 20 * kSecond);
  book.Look({Seen(25, "heat 2")}, 25 * kSecond);
  EXPECT_EQ(Told(book.Look({Seen(54, "heat 2")}, 54 * kSecond)), "");
  EXPECT_EQ(Told(book.Look({Seen(55, "heat 2")}, 55 * kSecond)), "+Hot;");
}

TEST(AlertBookTest, LooksAtEachSeriesAlone) {
  AlertBook book = Book(
      R"({"rules":[{"name":"Bad","metric":"n_total","labels":{"code":"500"},"op":"gt","value":0}]})");
  EXPECT_EQ(Told(book.Look({Seen(0,
                                 "n_total{code=\"500\",route=\"/a\"} 1\n"
                                 "n_total{code=\"500\",route=\"/b\"} 0\n"
                                 "n_total{code=\"200\",route=\"/a\"} 9\n")},
                           0)),
            "+Bad{code=\"500\",route=\"/a\"};");
}

TEST(AlertBookTest, RatesAreOfTheTimeBetweenScrapes) {
  AlertBook book =
      Book(R"({"rules":[{"name":"Busy","metric":"n_total","of":"rate","op":"gt","value":2}]})");
  EXPECT_EQ(Told(book.Look({Seen(0, "n_total 100")}, 0)), "");  // Nothing to compare with.
  EXPECT_EQ(Told(book.Look({Seen(10, "n_total 120")}, 10 * kSecond)), "");
  EXPECT_EQ(Told(book.Look({Seen(20, "n_total 141")}, 20 * kSecond)), "+Busy;");
  // It began anew: 21 in ten seconds.
  EXPECT_EQ(Told(book.Look({Seen(30, "n_total 21")}, 30 * kSecond)), "");
  EXPECT_DOUBLE_EQ(book.active().at(0).value, 2.1);
  EXPECT_EQ(Told(book.Look({Seen(40, "n_total 21")}, 40 * kSecond)), "-Busy;");
}

TEST(AlertBookTest, AServiceThatIsAwayIsDownAndKeepsItsOtherAlerts) {
  AlertBook book = Book(
      R"({"rules":[{"name":"Down","metric":"up","op":"lt","value":1},
                   {"name":"Unready","metric":"ready","op":"lt","value":1},
                   {"name":"Hot","metric":"heat","op":"gt","value":1}]})");
  EXPECT_EQ(Told(book.Look({Seen(0, "heat 2")}, 0)), "+Hot;");
  EXPECT_EQ(Told(book.Look({Seen(1, "", false, false)}, kSecond)), "+Down;");
  EXPECT_EQ(book.active().size(), 2u);
  EXPECT_EQ(Told(book.Look({Seen(2, "heat 1", true, false)}, 2 * kSecond)), "+Unready;-Down;-Hot;");
}

TEST(AlertBookTest, AServiceThatAnswersWithoutItsMetricsIsAsOneThatIsAway) {
  AlertBook book = Book(
      R"({"rules":[{"name":"Hot","metric":"heat","op":"gt","value":1},
                   {"name":"Busy","metric":"n_total","of":"rate","op":"gt","value":0}]})");
  EXPECT_EQ(Told(book.Look({Seen(0, "heat 2\nn_total 5")}, 0)), "+Hot;");
  Scrape mute = Seen(1, "");
  mute.measured = false;
  EXPECT_EQ(Told(book.Look({mute}, kSecond)), "") << "nobody said that it is cold";
  EXPECT_EQ(Told(book.Look({Seen(2, "heat 2\nn_total 5")}, 2 * kSecond)), "") << "nothing grew";
}

TEST(AlertBookTest, AClockThatIsSetDoesNoHarm) {
  AlertBook book = Book(
      R"({"rules":[{"name":"Hot","metric":"heat","op":"gt","value":1,"for_seconds":30},
                   {"name":"Busy","metric":"n_total","of":"rate","op":"gt","value":0}]})");
  book.Look({Seen(1000, "heat 2\nn_total 1")}, 1000 * kSecond);
  EXPECT_EQ(Told(book.Look({Seen(10, "heat 2\nn_total 5")}, 10 * kSecond)), "");
  EXPECT_EQ(Told(book.Look({Seen(40, "heat 2\nn_total 5")}, 40 * kSecond)), "+Hot;");
}

// A node that opens its sources has no rows to tell of yet.
TEST(AlertBookTest, AServiceThatOnlyBeginsKeepsTheAlertsOfWhatItDoesNotTellOfYet) {
  AlertBook book = Book(R"({"rules":[{"name":"Full","metric":"rows","op":"gt","value":0}]})");
  EXPECT_EQ(Told(book.Look({Seen(0, "rows 5\nother 1")}, 0)), "+Full;");
  EXPECT_EQ(Told(book.Look({Seen(10, "", /*up=*/false)}, 10 * kSecond)), "");
  EXPECT_EQ(Told(book.Look({Seen(20, "other 1", true, /*ready=*/false)}, 20 * kSecond)), "");
  ASSERT_EQ(book.active().size(), 1u);
  EXPECT_EQ(book.active()[0].since_us, 0);
  EXPECT_EQ(Told(book.Look({Seen(30, "rows 5", true, /*ready=*/false)}, 30 * kSecond)), "");
  EXPECT_EQ(Told(book.Look({Seen(40, "rows 0", true, /*ready=*/false)}, 40 * kSecond)), "-Full;")
      << "what it does tell counts, also when it is not ready";
  EXPECT_EQ(Told(book.Look({Seen(50, "rows 5")}, 50 * kSecond)), "+Full;");
  EXPECT_EQ(Told(book.Look({Seen(60, "other 1")}, 60 * kSecond)), "-Full;");
}

TEST(AlertRulesTest, ARuleAboutAServiceThatNobodyLooksAtIsRefused) {
  const auto rules = ParseAlertRules(
      R"({"rules":[{"name":"a","metric":"m","op":"gt","value":1},
                   {"name":"b","service":"tenant-nod","metric":"m","op":"gt","value":1}]})");
  const std::vector<Target> targets = {{"tenant-node", "http://127.0.0.1:8000"}};
  const Status refused = CheckServices(*rules, targets);
  ASSERT_EQ(refused.fields().size(), 1u);
  EXPECT_EQ(refused.fields()[0].pointer, "/rules/1/service");
  EXPECT_NE(refused.message().find("/rules/1/service"), std::string::npos) << refused.message();
  EXPECT_TRUE(CheckServices({(*rules)[0]}, targets).ok());
}

TEST(AlertBookTest, NaNHoldsNoCondition) {
  AlertBook book = Book(R"({"rules":[{"name":"Hot","metric":"heat","op":"gt","value":1}]})");
  EXPECT_EQ(Told(book.Look({Seen(0, "heat NaN")}, 0)), "");
}

TEST(AlertRulesTest, RefusalsPointAtThePlace) {
  const auto pointer_of = [](std::string_view rules) {
    const auto parsed = ParseAlertRules(rules);
    return parsed.ok() || parsed.status().fields().empty() ? std::string("none")
                                                           : parsed.status().fields()[0].pointer;
  };
  EXPECT_EQ(pointer_of(R"({"rules":[{"metric":"m","op":"gt","value":1}]})"), "/rules/0/name");
  EXPECT_EQ(pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"above","value":1}]})"),
            "/rules/0/op");
  EXPECT_EQ(pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"gt","value":"1"}]})"),
            "/rules/0/value");
  EXPECT_EQ(pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"gt"}]})"), "/rules/0/value");
  EXPECT_EQ(pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"gt","value":1e999}]})"),
            "/rules/0/value");
  EXPECT_EQ(pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"gt","value":1,"of":"x"}]})"),
            "/rules/0/of");
  EXPECT_EQ(
      pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"gt","value":1,"severity":"x"}]})"),
      "/rules/0/severity");
  EXPECT_EQ(
      pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"gt","value":1,"labels":{"b":1}}]})"),
      "/rules/0/labels/b");
  EXPECT_EQ(pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"gt","value":1,"soap":1}]})"),
            "/rules/0/soap");
  EXPECT_EQ(pointer_of(R"({"rules":[{"name":"a","metric":"m","op":"gt","value":1},
                                    {"name":"a","metric":"m","op":"gt","value":1}]})"),
            "/rules/1/name");
  EXPECT_EQ(pointer_of(R"({"rules":[]})"), "none");
}

TEST(AlertRulesTest, WhatIsWrittenIsReadAgain) {
  for (const AlertRule& rule : DefaultAlertRules()) {
    const std::string text = AlertRuleJson(rule);
    const auto again = ParseAlertRules("{\"rules\":[" + text + "]}");
    ASSERT_TRUE(again.ok()) << again.status().ToString() << text;
    EXPECT_EQ(AlertRuleJson(again->at(0)), text);
  }
}

TEST(TargetsTest, AreNamesWithUrls) {
  const auto targets = ParseTargets("tenant-node=http://127.0.0.1:8000,cbo-engine=http://h:2");
  ASSERT_TRUE(targets.ok()) << targets.status().ToString();
  ASSERT_EQ(targets->size(), 2u);
  EXPECT_EQ((*targets)[1].url, "http://h:2");
  EXPECT_TRUE(ParseTargets("")->empty());
  for (const char* bad : {"a", "=http://h", "A=http://h", "a=ftp://h", "a=http://h,a=http://g",
                          "a=http://h,,", "a b=http://h", "a="}) {
    EXPECT_EQ(ParseTargets(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace granary::services
