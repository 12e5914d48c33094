#include "granary/tenant/search_cursor.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

const std::string kKey(32, 'k');

SearchCursor Sample() {
  SearchCursor cursor;
  cursor.began_us = 1'705'276'800'000'000;
  cursor.request = {1, 2};
  cursor.sources = {{SourceUid{7}, 100, 50, 3, 0}, {SourceUid{8}, 9, 9, 1, 77}};
  cursor.position = query::OrderedPosition{
      {{TypeKind::kInt32, Value(std::int64_t{-5})}, {TypeKind::kString, Value()}}, 99, 1};
  return cursor;
}

TEST(SearchCursorTest, ReadsWhatItWrote) {
  const CursorSeal seal(kKey);
  SearchCursor cursor = Sample();
  EXPECT_EQ(seal.Read(seal.Write(cursor).Take()).Take(), cursor);
  cursor.position = query::StoredPosition{1, query::RowPlace{5, SegmentId{6}, 7, 8}, 0};
  EXPECT_EQ(seal.Read(seal.Write(cursor).Take()).Take(), cursor);
  cursor.position = query::StoredPosition{1, std::nullopt, 55};
  EXPECT_EQ(seal.Read(seal.Write(cursor).Take()).Take(), cursor);
}

void ExpectRefused(const CursorSeal& seal, std::string_view text) {
  const Status s = seal.Read(text).status();
  ASSERT_EQ(s.code(), Code::kInvalidRequest) << text;
  ASSERT_EQ(s.fields().size(), 1u);
  EXPECT_EQ(s.fields()[0].pointer, "/cursor");
}

TEST(SearchCursorTest, EveryChangeIsNoticed) {
  const CursorSeal seal(kKey);
  const std::string text = seal.Write(Sample()).Take();
  EXPECT_EQ(text.find_first_of("+/="), std::string::npos);
  for (std::size_t cut = 0; cut < text.size(); ++cut) ExpectRefused(seal, text.substr(0, cut));
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char c : {'A', 'b', '9', '-', '_', '=', ' ', '\0'}) {
      if (text[at] == c) continue;
      std::string changed = text;
      changed[at] = c;
      ExpectRefused(seal, changed);
    }
  }
  for (const char* garbage : {"", "null", "AAAA", "%%%", "ünï"}) ExpectRefused(seal, garbage);
  ExpectRefused(seal, text + "A");
}

TEST(SearchCursorTest, AnotherKeyIsAnotherTenant) {
  const std::string text = CursorSeal(kKey).Write(Sample()).Take();
  ExpectRefused(CursorSeal(std::string(32, 'x')), text);
}

}  // namespace
}  // namespace granary
