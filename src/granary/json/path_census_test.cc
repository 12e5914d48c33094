#include "granary/json/path_census.h"

#include <gtest/gtest.h>

#include <arrow/api.h>
#include <fmt/format.h>

namespace granary::json {
namespace {

std::shared_ptr<arrow::StringArray> Texts(const std::vector<std::string>& texts) {
  arrow::StringBuilder builder;
  for (const std::string& text : texts)
    EXPECT_TRUE((text.empty() ? builder.AppendNull() : builder.Append(text)).ok());
  return std::static_pointer_cast<arrow::StringArray>(builder.Finish().ValueOrDie());
}

/// "a.b: string 1, array 2".
std::string Shown(const PathCensus& census) {
  std::string out;
  for (const CountedPath& path : census.Counted()) {
    if (!out.empty()) out += "; ";
    out += fmt::format("{}:", fmt::join(path.path, "."));
    for (int lane = 0; lane < kLanes; ++lane) {
      if (const auto count = path.counts.lanes[static_cast<std::size_t>(lane)]; count > 0)
        out += fmt::format(" {} {}", LaneName(static_cast<Lane>(lane)), count);
    }
    const auto add = [&out](const char* name, std::uint64_t count) {
      if (count > 0) out += fmt::format(" {} {}", name, count);
    };
    add("number", path.counts.numbers);
    add("object", path.counts.objects);
    add("array", path.counts.arrays);
    add("null", path.counts.nulls);
  }
  return out;
}

TEST(PathCensusTest, CountsWhatLiesWhere) {
  PathCensus census(100);
  census.Add(*Texts({R"({"a":1,"b":{"c":"x","d":[{"e":1}]},"":null})", "", R"({"b":"s","a":1.5})",
                     R"({"a":1e9,"b":{"c":true}})"}));
  EXPECT_EQ(Shown(census),
            "a: int64 1 double 1 number 1; b: string 1 object 2; b.c: string 1 bool 1; "
            "b.d: array 1; : null 1");
  EXPECT_EQ(census.documents(), 3u);
  EXPECT_TRUE(census.is_complete());
}

TEST(PathCensusTest, OfAKeyThatStandsTwiceTheFirstCounts) {
  PathCensus census(100);
  census.Add(*Texts({R"({"a":{"b":1,"b":"x"},"a":{"c":1}})"}));
  EXPECT_EQ(Shown(census), "a: object 1; a.b: int64 1");
}

TEST(PathCensusTest, SaysWhenThereWereMorePaths) {
  for (const std::size_t paths_max : {2, 3, 4}) {
    PathCensus census(paths_max);
    census.Add(*Texts({R"({"a":1,"b":2,"c":3})"}));
    EXPECT_EQ(census.Counted().size(), std::min<std::size_t>(paths_max, 3));
    EXPECT_EQ(census.is_complete(), paths_max >= 3);
  }
}

TEST(PathCensusTest, TellsIdsFromCodes) {
  PathCensus census(10);
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i)
    texts.push_back(fmt::format(R"({{"id":"id-{}","code":"c{}"}})", i, i % 7));
  census.Add(*Texts(texts));
  EXPECT_TRUE(census.Counted()[0].mostly_distinct);
  EXPECT_FALSE(census.Counted()[1].mostly_distinct);
}

TEST(PathCensusTest, WhatIsNoJsonMakesItIncomplete) {
  const auto is_complete = [](const std::string& text) {
    PathCensus census(10);
    census.Add(*Texts({text}));
    return census.is_complete();
  };
  EXPECT_TRUE(is_complete(R"({"a":[1]})"));
  for (const char* text : {R"({"a":1)", R"({"a")", "{", R"({"a":"x)", R"({"a":1}})", R"({"a":[1})"})
    EXPECT_FALSE(is_complete(text)) << text;
  const std::string deep = [] {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += R"({"a":)";
    return text;
  }();
  EXPECT_FALSE(is_complete(deep));
}

}  // namespace
}  // namespace granary::json
