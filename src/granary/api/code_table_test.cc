#include "granary/api/code_table.h"

#include <set>

#include <gtest/gtest.h>

namespace granary::api {
namespace {

TEST(CodeTableTest, HasARowForEveryCode) {
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    const CodeRow& row = RowOf(static_cast<Code>(code));
    EXPECT_EQ(static_cast<int>(row.code), code);
    EXPECT_FALSE(row.title.empty());
    EXPECT_GE(row.grpc, 0);
    EXPECT_LE(row.grpc, 16);
  }
  EXPECT_EQ(AllRows().size(), static_cast<std::size_t>(Code::kInternal) + 1);
}

TEST(CodeTableTest, UsesOnlyTheStatusesOfTheContract) {
  const std::set<int> known = {200, 400, 401, 403, 404, 405, 406, 409, 410, 413,
                               415, 422, 429, 499, 500, 501, 503, 504, 507};
  for (const CodeRow& row : AllRows()) {
    EXPECT_TRUE(known.contains(row.http)) << CodeName(row.code);
    EXPECT_EQ(row.http == 200, row.code == Code::kOk) << CodeName(row.code);
  }
}

TEST(CodeTableTest, TwoCodesHaveAnotherStatusForTheRequestItself) {
  for (const CodeRow& row : AllRows()) {
    const int expected = row.code == Code::kTooLarge           ? 431
                         : row.code == Code::kDeadlineExceeded ? 408
                                                               : 0;
    EXPECT_EQ(row.http_of_request, expected) << CodeName(row.code);
  }
}

TEST(CodeTableTest, OurOwnFailuresAreLoggedAsErrors) {
  for (const Code code : {Code::kIoError, Code::kCorruption, Code::kInternal, Code::kDiskFull}) {
    EXPECT_EQ(RowOf(code).log, LogLevel::kError) << CodeName(code);
  }
}

}  // namespace
}  // namespace granary::api
