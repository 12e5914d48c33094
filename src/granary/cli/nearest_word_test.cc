#include "granary/cli/nearest_word.h"

#include <gmock/gmock.h>

#include <vector>

namespace granary::cli {
namespace {

TEST(NearestWordTest, FindsWhatTheFingersSlippedOn) {
  const std::vector<std::string> words = {"list",  "show",    "schema", "stats",
                                          "flush", "compact", "add"};
  EXPECT_EQ(NearestWord("shwo", words), "show");
  EXPECT_EQ(NearestWord("sho", words), "show");
  EXPECT_EQ(NearestWord("shoow", words), "show");
  EXPECT_EQ(NearestWord("scheme", words), "schema");
  EXPECT_EQ(NearestWord("compcat", words), "compact");
  EXPECT_EQ(NearestWord("ad", words), "add");
}

TEST(NearestWordTest, GuessesNothingWhereNothingIsNear) {
  const std::vector<std::string> words = {"list", "show", "add"};
  EXPECT_EQ(NearestWord("explode", words), std::nullopt);
  EXPECT_EQ(NearestWord("", words), std::nullopt);
  EXPECT_EQ(NearestWord("xy", words), std::nullopt);
  EXPECT_EQ(NearestWord("show", {}), std::nullopt);
}

}  // namespace
}  // namespace granary::cli
