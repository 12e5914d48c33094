#include "granary/types/rest_column.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

TEST(RestColumnTest, ComesLastAndOnceAndCountsAsNoDeclaredColumn) {
  const Schema declared(3, 7, {{7, "a", TypeKind::kInt64}});
  EXPECT_EQ(RestColumn(declared), nullptr);
  const Schema with = WithRestColumn(declared);
  ASSERT_NE(RestColumn(with), nullptr);
  EXPECT_EQ(RestColumn(with)->id, 8);
  EXPECT_EQ(with.last_id(), 8);
  EXPECT_EQ(with.version(), 3u);
  EXPECT_EQ(WithRestColumn(with), with);
  EXPECT_EQ(DeclaredColumns(with), 1u);
  EXPECT_EQ(DeclaredColumns(declared), 1u);
}

TEST(RestColumnTest, NobodyElseMayHaveItsName) {
  EXPECT_FALSE(CheckColumnName(kRestColumnName).ok());
}

}  // namespace
}  // namespace granary
