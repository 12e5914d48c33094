#include "granary/json/text_check.h"

#include <string>

#include <gtest/gtest.h>

namespace granary::json {
namespace {

TEST(TextCheckTest, TakesOneValueAndNothingElse) {
  TextCheck check;
  for (const char* text :
       {"1", "-1.5e3", "\"a\\u00e9\"", "null", "true", "[]", "{\"a\":[1,{}]}", " 1 "})
    EXPECT_TRUE(check.IsJson(text)) << text;
  for (const char* text : {"", " ", "1 2", "1}", "{\"a\":1},{", "[1", "01", "nul", "\"a",
                           "\"\x80\"", "1.", "{a:1}", "\"a\nb\""})
    EXPECT_FALSE(check.IsJson(text)) << text;
  EXPECT_FALSE(check.IsJson(std::string(100'000, '[')));
}

}  // namespace
}  // namespace granary::json
