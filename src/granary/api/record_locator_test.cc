#include "granary/api/record_locator.h"

#include <gtest/gtest.h>

namespace granary::api {
namespace {

TEST(RecordLocatorTest, FindsTheArrayWhereverItStands) {
  const std::string records = R"([{"fields":{"a":"]}\"[{","b":[1,{"c":2}]}}, {"fields":{}}])";
  for (const std::string& body :
       {R"({"source_id":"s","records":)" + records + "}",
        R"({"records":)" + records + R"(,"source_id":"s"})",
        " {\n\"source_id\" : \"s\" , \"records\" :\t" + records + " } "}) {
    const auto located = LocateRecords(body);
    ASSERT_TRUE(located.ok()) << located.status().ToString();
    EXPECT_EQ(located->records, records);
    EXPECT_EQ(located->envelope.find("fields"), std::string::npos) << located->envelope;
    EXPECT_NE(located->envelope.find("[]"), std::string::npos);
  }
}

TEST(RecordLocatorTest, LeavesABodyWithoutAnArrayAsItIs) {
  for (const std::string body :
       {"{}", R"({"records":5})", R"({"records":{"a":[1]}})", R"({"x":{"records":[1]}})"}) {
    const auto located = LocateRecords(body);
    ASSERT_TRUE(located.ok()) << body;
    EXPECT_EQ(located->records, "");
    EXPECT_EQ(located->envelope, body);
  }
}

TEST(RecordLocatorTest, SurvivesACutAtAnyByte) {
  const std::string body =
      R"({"source_id":"s\"x","records":[{"fields":{"a":[1,"]"]}}],"on_error":null})";
  ASSERT_TRUE(LocateRecords(body).ok());
  for (std::size_t cut = 0; cut < body.size(); ++cut) {
    EXPECT_FALSE(LocateRecords(body.substr(0, cut)).ok()) << cut;
  }
}

TEST(RecordLocatorTest, BoundsTheNumberOfMembers) {
  std::string body = "{";
  for (int i = 0; i < 100; ++i) body += "\"records\":[],";
  EXPECT_EQ(LocateRecords(body + "\"x\":1}").status().code(), Code::kTooLarge);
}

}  // namespace
}  // namespace granary::api
