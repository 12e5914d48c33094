#include "granary/services/monitoring/console_shell.h"

#include <set>

#include <gmock/gmock.h>

namespace granary::services {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr ConsoleFile kFile{.path = "/assets/a-1.js",
                            .content_type = "text/javascript",
                            .hash = "abc",
                            .immutable = true,
                            .plain = "plain",
                            .gzip = "g",
                            .brotli = "b"};

std::string HeaderOf(const net::HttpResponse& response, std::string_view name) {
  return std::string(response.headers.Get(name).value_or("none"));
}

TEST(ConsoleShellTest, SendsTheSmallestFormThatIsAccepted) {
  const net::HttpResponse brotli = ConsoleAnswer(kFile, "gzip, deflate, br, zstd", "");
  EXPECT_EQ(brotli.body, "b");
  EXPECT_EQ(HeaderOf(brotli, "Content-Encoding"), "br");
  EXPECT_EQ(HeaderOf(brotli, "Vary"), "Accept-Encoding");
  EXPECT_EQ(ConsoleAnswer(kFile, "gzip, br;q=0", "").body, "g");
  EXPECT_EQ(ConsoleAnswer(kFile, "zstd", "").body, "plain");
  EXPECT_EQ(HeaderOf(ConsoleAnswer(kFile, "", ""), "Content-Encoding"), "none");
  ConsoleFile small = kFile;
  small.gzip = small.brotli = {};
  EXPECT_EQ(ConsoleAnswer(small, "br, gzip", "").body, "plain");
}

TEST(ConsoleShellTest, WhatTheClientHasIsNotSentAgain) {
  const net::HttpResponse same = ConsoleAnswer(kFile, "br", "W/\"abc\"");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(HeaderOf(same, "ETag"), "W/\"abc\"");
  EXPECT_EQ(ConsoleAnswer(kFile, "", "\"x\", \"abc\"").status, 304);
  EXPECT_EQ(ConsoleAnswer(kFile, "", "*").status, 304);
  EXPECT_EQ(ConsoleAnswer(kFile, "", "\"abcd\"").status, 200);
}

TEST(ConsoleShellTest, OnlyWhatNamesItsContentIsKeptForLong) {
  EXPECT_THAT(HeaderOf(ConsoleAnswer(kFile, "", ""), "Cache-Control"), HasSubstr("immutable"));
  ConsoleFile page = kFile;
  page.immutable = false;
  EXPECT_EQ(HeaderOf(ConsoleAnswer(page, "", ""), "Cache-Control"), "no-cache");
}

TEST(ConsoleShellTest, NothingRunsThatIsNotAFileOfOurs) {
  for (const char* tag : {"", "*"}) {
    const net::HttpResponse response = ConsoleAnswer(kFile, "", tag);
    const std::string policy = HeaderOf(response, "Content-Security-Policy");
    EXPECT_THAT(policy, HasSubstr("default-src 'none'; script-src 'self'; style-src 'self';"));
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(policy, HasSubstr("require-trusted-types-for 'script'"));
    EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
    EXPECT_EQ(HeaderOf(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(HeaderOf(response, "Referrer-Policy"), "no-referrer");
  }
}

TEST(ConsoleShellTest, TheBundleIsWholeAndItsPageHasNothingInline) {
  std::set<std::string_view> paths;
  std::string_view page;
  for (const ConsoleFile& file : ConsoleFiles()) {
    EXPECT_TRUE(paths.insert(file.path).second) << file.path;
    EXPECT_FALSE(file.plain.empty()) << file.path;
    EXPECT_EQ(file.hash.size(), 22u) << file.path;
    EXPECT_EQ(file.immutable, file.path != "/") << file.path;
    if (file.path == "/") page = file.plain;
  }
  ASSERT_FALSE(page.empty());
  // Each file that the page names is one of the bundle.
  std::size_t named = 0;
  for (std::size_t at = page.find("\"/assets/"); at != std::string_view::npos;
       at = page.find("\"/assets/", at + 1)) {
    const std::string_view rest = page.substr(at + 1);
    EXPECT_TRUE(paths.contains(rest.substr(0, rest.find('"')))) << rest.substr(0, 60);
    ++named;
  }
  EXPECT_GE(named, 3u) << "a script, a style, an icon";
  EXPECT_EQ(page.find("<style"), std::string_view::npos);
  EXPECT_EQ(page.find("style="), std::string_view::npos);
  EXPECT_EQ(page.find("<script>"), std::string_view::npos);
}

}  // namespace
}  // namespace granary::services
