#include "granary/hosting/router.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

struct RouterTest : ::testing::Test {
  void SetUp() override {
    for (const auto& [method, pattern] :
         std::vector<std::pair<std::string, std::string>>{{"GET", "/sources"},
                                                          {"POST", "/sources/add"},
                                                          {"GET", "/sources/{id}"},
                                                          {"DELETE", "/sources/{id}"},
                                                          {"GET", "/sources/{id}/stats"},
                                                          {"GET", "/health"}}) {
      router.Add({.method = method, .pattern = pattern, .handler = {}});
    }
  }
  std::string PatternOf(std::string_view method, std::string_view path) {
    const auto found = router.Find(method, path, allow);
    return found.ok() ? found->route->pattern : std::string(CodeName(found.status().code()));
  }
  Router router;
  std::string allow;
};

TEST_F(RouterTest, FindsLiteralsBeforeParameters) {
  EXPECT_EQ(PatternOf("POST", "/sources/add"), "/sources/add");
  EXPECT_EQ(PatternOf("GET", "/sources/add"), "/sources/{id}");
  EXPECT_EQ(PatternOf("GET", "/sources/a/stats"), "/sources/{id}/stats");
}

TEST_F(RouterTest, TakesParametersAsTheyStand) {
  const auto found = router.Find("GET", "/sources/a b.c/stats", allow);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->parameters, std::vector<std::string>{"a b.c"});
}

TEST_F(RouterTest, AnswersUnderV1) {
  EXPECT_EQ(PatternOf("GET", "/v1/health"), "/health");
  EXPECT_EQ(PatternOf("GET", "/v1/sources/x"), "/sources/{id}");
  EXPECT_EQ(PatternOf("GET", "/v2/health"), "NOT_FOUND");
  EXPECT_EQ(PatternOf("GET", "/v1/v1/health"), "NOT_FOUND");
}

TEST_F(RouterTest, SendsHeadToGet) { EXPECT_EQ(PatternOf("HEAD", "/health"), "/health"); }

TEST_F(RouterTest, SaysWhatIsAllowed) {
  EXPECT_EQ(PatternOf("PUT", "/sources/add"), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(allow, "DELETE, GET, HEAD, POST");
  EXPECT_EQ(PatternOf("POST", "/sources"), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(allow, "GET, HEAD");
}

TEST_F(RouterTest, KnowsNothingElse) {
  for (const char* path : {"/", "", "/source", "/sources/", "/sources//stats", "/sources/a/b",
                           "//health", "/health/", "/v1"}) {
    EXPECT_EQ(PatternOf("GET", path), "NOT_FOUND") << path;
  }
}

}  // namespace
}  // namespace granary::hosting
