#include "granary/services/operation_node/query_cursor.h"

#include <gtest/gtest.h>

namespace granary::operation {
namespace {

QueryCursor SomeCursor() {
  QueryCursor cursor;
  cursor.request = {1, 2};
  cursor.parts = {{"alpha", false, 7, "anchor"}, {"beta", true, 0, ""}};
  cursor.missing = {{"gone", "its node is dead"}};
  return cursor;
}

TEST(QueryCursorTest, ComesBackAsItWasAlsoFromAnotherProcess) {
  const std::string text = QueryCursorSeal("secret").Write(SomeCursor()).Take();
  const auto read = QueryCursorSeal("secret").Read(text, {1, 2});
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, SomeCursor());
}

TEST(QueryCursorTest, DamagedForeignAndOfAnotherRequestAreRefused) {
  const QueryCursorSeal seal("secret");
  const std::string text = seal.Write(SomeCursor()).Take();
  const auto refused = [](const Result<QueryCursor>& read) {
    return read.status().code() == Code::kInvalidRequest &&
           read.status().fields().front().pointer == "/cursor";
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] = other[at] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(refused(seal.Read(other, {1, 2}))) << at;
    EXPECT_TRUE(refused(seal.Read(text.substr(0, at), {1, 2}))) << at;
  }
  EXPECT_TRUE(refused(QueryCursorSeal("another").Read(text, {1, 2})));
  EXPECT_TRUE(refused(seal.Read(text, {1, 3})));
}

TEST(QueryCursorTest, IsBoundToTheSearchAndWhomItAsks) {
  query::SearchRequest search;
  api::Spread spread;
  spread.tenants = {TenantId::Parse("a").Take(), TenantId::Parse("b").Take()};
  const Digest128 first = FingerprintOf(search, spread);
  api::Spread turned = spread;
  std::swap(turned.tenants[0], turned.tenants[1]);
  EXPECT_EQ(FingerprintOf(search, turned), first);
  turned.tenants.pop_back();
  EXPECT_NE(FingerprintOf(search, turned), first);
  api::Spread partial = spread;
  partial.may_miss = true;
  EXPECT_NE(FingerprintOf(search, partial), first);
  search.limit = 5;
  EXPECT_EQ(FingerprintOf(search, spread), first);
  search.columns = {"x"};
  EXPECT_NE(FingerprintOf(search, spread), first);
}

}  // namespace
}  // namespace granary::operation
