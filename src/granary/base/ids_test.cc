#include "granary/base/ids.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

namespace granary {
namespace {

static_assert(!std::is_convertible_v<TenantId, SourceId>);
static_assert(!std::is_convertible_v<SourceUid, SegmentId>);

TEST(IdsTest, AcceptsEveryAllowedCharacter) {
  for (const char* text : {"a", "_", "0", "sales", "Sales_2024.v1-eu", "a..b", "a--"}) {
    EXPECT_TRUE(IsIdentifier(text)) << text;
  }
  EXPECT_TRUE(IsIdentifier(std::string(kIdentifierMaxBytes, 'x')));
}

TEST(IdsTest, RefusesWhatCouldLeaveAFolderOrAWord) {
  for (const char* text :
       {"", ".", "..", ".hidden", "-x", "a/b", "../a", "a b", "a\n", "é", "a%2f"}) {
    EXPECT_FALSE(IsIdentifier(text)) << text;
  }
  EXPECT_FALSE(IsIdentifier(std::string(kIdentifierMaxBytes + 1, 'x')));
  EXPECT_FALSE(IsIdentifier(std::string_view("a\0b", 3)));
}

TEST(IdsTest, ARefusalQuotesTheTextInPrintableCharacters) {
  const auto parsed = SourceId::Parse("a\n\xff");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), Code::kInvalidIdentifier);
  EXPECT_NE(parsed.status().message().find(R"("a\x0a\xff")"), std::string_view::npos)
      << parsed.status().message();
}

TEST(IdsTest, ARefusalCutsLongText) {
  const Status status = InvalidIdentifier(std::string(5000, '/'));
  EXPECT_LT(status.message().size(), 300u);
  EXPECT_NE(status.message().find(std::string(64, '/')), std::string_view::npos);
}

TEST(IdsTest, NamesCompareAndHashByText) {
  const SourceId a = SourceId::Parse("a").Take();
  const SourceId b = SourceId::Parse("b").Take();
  EXPECT_LT(a, b);
  EXPECT_EQ(std::unordered_set<SourceId>({a, b, a}).size(), 2u);
  EXPECT_TRUE(SourceId().empty());
}

}  // namespace
}  // namespace granary
