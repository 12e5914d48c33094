#include "granary/base/status.h"

#include <gtest/gtest.h>

#include <set>

namespace granary {
namespace {

constexpr auto kLastCode = static_cast<int>(Code::kInternal);

Status Refuse() { return Status::IoError("disk on fire"); }
Status Twice() {
  GRANARY_TRY(Status::Ok());
  GRANARY_TRY(Refuse());
  return Status::Internal("never reached");
}
Result<int> Half(int n) {
  if (n % 2 != 0) return Status(Code::kInvalidArgument, "odd");
  return n / 2;
}
Result<int> Quarter(int n) {
  GRANARY_ASSIGN(const int half, Half(n));
  GRANARY_ASSIGN(const int quarter, Half(half));
  return quarter;
}

TEST(StatusTest, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int code = 0; code <= kLastCode; ++code) names.insert(CodeName(static_cast<Code>(code)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kLastCode + 1));
  EXPECT_FALSE(names.contains("UNKNOWN"));
}

TEST(StatusTest, OkIsSmallAndSaysSo) {
  EXPECT_EQ(sizeof(Status), 16u);
  EXPECT_TRUE(Status::Ok().ok());
  EXPECT_EQ(Status::Ok().ToString(), "OK");
  EXPECT_EQ(Status::Ok().message(), "");
  EXPECT_TRUE(Status::Ok().fields().empty());
  EXPECT_TRUE(Status(Code::kOk, "a message does not make it a failure").ok());
}

TEST(StatusTest, AtKeepsTheCodeAndTheFieldsAndPrependsWhere) {
  const Status inner = Status::Invalid(Code::kInvalidLiteral, "/filters/amount/gt", "not a number");
  const Status outer = inner.At("search");
  EXPECT_EQ(outer.code(), Code::kInvalidLiteral);
  EXPECT_EQ(outer.ToString(), "INVALID_LITERAL: search: /filters/amount/gt: not a number");
  EXPECT_EQ(outer.fields(), inner.fields());
  EXPECT_TRUE(Status::Ok().At("anywhere").ok());
}

TEST(StatusTest, InvalidNamesItsOnePlace) {
  const Status status = Status::Invalid(Code::kInvalidRequest, "", "not an object");
  EXPECT_EQ(status.message(), "not an object");
  EXPECT_EQ(status.fields(), (std::vector<FieldError>{{"", "not an object"}}));
}

TEST(StatusTest, TryReturnsTheFirstFailure) { EXPECT_EQ(Twice().message(), "disk on fire"); }

TEST(StatusTest, AssignBindsOrReturnsTheFailure) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(Quarter(6).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace granary
