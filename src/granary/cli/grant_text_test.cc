#include "granary/cli/grant_text.h"

#include <gtest/gtest.h>

namespace granary::cli {
namespace {

std::string Joined(const std::vector<GrantText>& grants) {
  std::string out;
  for (const GrantText& grant : grants) out += (out.empty() ? "" : " ") + ToText(grant);
  return out;
}

std::vector<GrantText> Of(const std::vector<std::string>& texts) {
  return ParseGrantTexts(texts).Take();
}

TEST(GrantTextTest, ReadsVerbsAndASource) {
  EXPECT_EQ(Joined(Of({"read,write:sales_*", "admin:*"})), "read,write:sales_* admin:*");
  EXPECT_EQ(Joined(Of({"read,read:a", "write,read:a"})), "read,write:a");
}

TEST(GrantTextTest, RefusesWhatIsNone) {
  for (const char* text : {"", ":", "read", "read:", ":a", ",read:a", "read,:a", "read,,write:a"})
    EXPECT_EQ(ParseGrantText(text).status().code(), Code::kInvalidArgument) << text;
}

TEST(GrantTextTest, AddingAndRemovingGoByVerbAndSource) {
  std::vector<GrantText> grants = Of({"read:a", "read:b"});
  AddGrants(Of({"write,read:a", "admin:c"}), grants);
  EXPECT_EQ(Joined(grants), "read,write:a read:b admin:c");
  RemoveGrants(Of({"read:a", "read:b", "write:c", "read:d"}), grants);
  EXPECT_EQ(Joined(grants), "write:a admin:c");
}

TEST(GrantTextTest, WritesWhatTheGatewayReads) {
  std::string out;
  AppendGrantsJson(Of({"read,write:sa\"les"}), out);
  EXPECT_EQ(out, R"([{"verbs":["read","write"],"source":"sa\"les"}])");
}

}  // namespace
}  // namespace granary::cli
