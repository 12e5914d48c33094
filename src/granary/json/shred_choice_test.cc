#include "granary/json/shred_choice.h"

#include <gtest/gtest.h>

namespace granary::json {
namespace {

CountedPath Strings(const std::string& key, std::uint64_t count) {
  CountedPath path{{key}, {}, false};
  path.counts.lanes[static_cast<std::size_t>(Lane::kString)] = count;
  return path;
}

std::vector<std::string> Names(const ShredChoice& choice) {
  std::vector<std::string> names;
  for (const ChosenPath& path : choice.paths) names.push_back(DottedName(path.path));
  return names;
}

using Choice = std::vector<std::string>;

TEST(ShredChoiceTest, TakesWhatIsThereOftenEnough) {
  const std::vector<CountedPath> counted = {Strings("rare", 19), Strings("often", 20),
                                            Strings("always", 1000)};
  EXPECT_EQ(Names(ChoosePaths(counted, 1000, {})), (Choice{"often", "always"}));
}

TEST(ShredChoiceTest, KeepsTheMostFrequentWithinTheBudget) {
  const std::vector<CountedPath> counted = {Strings("a", 5), Strings("b", 9), Strings("c", 7),
                                            Strings("d", 7)};
  for (const auto& [most, expected] :
       std::vector<std::pair<std::size_t, Choice>>{{0, {}},
                                                   {1, {"b"}},
                                                   {3, {"b", "c", "d"}},
                                                   {4, {"a", "b", "c", "d"}},
                                                   {5, {"a", "b", "c", "d"}}})
    EXPECT_EQ(Names(ChoosePaths(counted, 10, {.paths_max = most})), expected);
  EXPECT_EQ(ChoosePaths(counted, 10, {.paths_max = 2}).reason,
            "2 of 4 paths: 4 have a scalar in one of 50 documents or more, at most 2 are kept");
}

TEST(ShredChoiceTest, LongNamesStayInTheText) {
  for (const std::size_t bytes : {9, 10, 11}) {
    const std::vector<CountedPath> counted = {Strings(std::string(bytes, 'k'), 10)};
    EXPECT_EQ(ChoosePaths(counted, 10, {.path_bytes_max = 10}).paths.size(), bytes <= 10 ? 1u : 0u);
  }
}

TEST(ShredChoiceTest, ControlCharactersStayInTheText) {
  const std::vector<CountedPath> counted = {Strings("a\nb", 10), Strings("ü", 10)};
  EXPECT_EQ(Names(ChoosePaths(counted, 10, {})), (Choice{"ü"}));
}

TEST(ShredChoiceTest, ALaneForEachKindThatWasMet) {
  CountedPath mixed = Strings("a", 3);
  mixed.counts.lanes[static_cast<std::size_t>(Lane::kInt64)] = 5;
  mixed.counts.arrays = 100;
  const std::vector<CountedPath> counted = {mixed};
  const auto choice = ChoosePaths(counted, 108, {});
  ASSERT_EQ(choice.paths.size(), 1u);
  EXPECT_EQ(choice.paths[0].lanes, (std::vector<Lane>{Lane::kInt64, Lane::kString}));
}

TEST(ShredChoiceTest, NoScalarsNoColumn) {
  CountedPath objects{{"a"}, {}, false};
  objects.counts.objects = 10;
  const std::vector<CountedPath> counted = {objects};
  EXPECT_TRUE(ChoosePaths(counted, 10, {}).paths.empty());
}

TEST(ShredChoiceTest, NamesAreAsARequestWritesThem) {
  const std::vector<std::string> path = {"a.b", "", "c\\d"};
  EXPECT_EQ(DottedName(path), "a\\.b..c\\\\d");
}

}  // namespace
}  // namespace granary::json
