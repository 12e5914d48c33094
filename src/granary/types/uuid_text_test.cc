#include "granary/types/uuid_text.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

TEST(UuidTextTest, ReadsAnyCaseAndWritesOne) {
  const std::string canonical = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
  for (const char* text :
       {"6f9619ff-8b86-d011-b42d-00c04fc964ff", "6F9619FF-8B86-D011-B42D-00C04FC964FF",
        "6f9619ff8b86d011b42d00c04fc964ff"}) {
    const auto bytes = ParseUuid(text);
    ASSERT_TRUE(bytes) << text;
    std::string out;
    AppendUuid(*bytes, out);
    EXPECT_EQ(out, canonical);
  }
}

TEST(UuidTextTest, RefusesTheRest) {
  for (const char* text :
       {"", "6f9619ff-8b86-d011-b42d-00c04fc964f", "6f9619ff-8b86-d011-b42d-00c04fc964fg",
        "6f9619ff8b86-d011-b42d-00c04fc964ff0", "{6f9619ff8b86d011b42d00c04fc964ff}",
        "6f9619ff_8b86_d011_b42d_00c04fc964ff"}) {
    EXPECT_FALSE(ParseUuid(text)) << text;
  }
}

}  // namespace
}  // namespace granary
