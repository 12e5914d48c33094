#include "granary/api/proto_error.h"

#include <gtest/gtest.h>

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "granary/api/code_table.h"

namespace granary::api {
namespace {

google::rpc::Status Parsed(const RichError& error) {
  google::rpc::Status out;
  EXPECT_TRUE(out.ParseFromString(error.details));
  return out;
}

TEST(ProtoErrorTest, EveryCodeHasItsReasonAndThePlaces) {
  for (const CodeRow& row : AllRows()) {
    if (row.code == Code::kOk) continue;
    const RichError error = ToRichError(Status::Invalid(row.code, "/a/0", "is wrong"));
    EXPECT_EQ(error.code, row.grpc);
    const google::rpc::Status rich = Parsed(error);
    EXPECT_EQ(rich.code(), row.grpc);
    ASSERT_EQ(rich.details_size(), row.retry ? 3 : 2);
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest places;
    ASSERT_TRUE(rich.details(0).UnpackTo(&info) && rich.details(1).UnpackTo(&places));
    EXPECT_EQ(info.reason(), CodeName(row.code));
    EXPECT_EQ(places.field_violations(0).field(), "/a/0");
  }
  EXPECT_EQ(ToRichError(Status::Ok()).code, 0);
}

TEST(ProtoErrorTest, WhatDoesNotFitIntoHeadersIsCounted) {
  std::vector<FieldError> fields;
  for (int i = 0; i < 100; ++i)
    fields.push_back({"/records/" + std::to_string(i), std::string(400, 'x')});
  std::string message;
  for (int i = 0; i < 2000; ++i) message += "é";
  const RichError error = ToRichError(Status(Code::kInvalidRecord, message, fields));
  EXPECT_LE(3 * error.message.size() + error.details.size() * 4 / 3, kErrorBytesMax);
  const google::rpc::Status rich = Parsed(error);
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest places;
  ASSERT_TRUE(rich.details(0).UnpackTo(&info) && rich.details(1).UnpackTo(&places));
  EXPECT_GT(places.field_violations_size(), 0);
  EXPECT_EQ(std::to_string(100 - places.field_violations_size()),
            info.metadata().at("violations_left_out"));
}

}  // namespace
}  // namespace granary::api
