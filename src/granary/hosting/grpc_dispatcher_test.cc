// Goal: who may not call is refused before a method sees the message, what is no method is named,
// and a failure carries what its method and its service say of it.
#include "granary/hosting/grpc_dispatcher.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "granary/testing/fake_clock.h"

namespace granary::hosting {
namespace {

class OneMessage final : public net::GrpcMessages {
 public:
  Result<std::optional<std::string>> Read() override { return std::exchange(message, {}); }
  Status Write(std::string_view bytes) override {
    written += bytes;
    return Status::Ok();
  }
  std::optional<std::string> message = "request";
  std::string written;
};

google::rpc::Status RichOf(const net::GrpcEnd& end) {
  google::rpc::Status out;
  EXPECT_TRUE(out.ParseFromString(end.details));
  return out;
}

google::rpc::ErrorInfo InfoOf(const net::GrpcEnd& end) {
  google::rpc::ErrorInfo out;
  const google::rpc::Status rich = RichOf(end);
  for (const auto& detail : rich.details()) detail.UnpackTo(&out);
  return out;
}

std::int64_t RetryOf(const net::GrpcEnd& end) {
  google::rpc::RetryInfo out;
  const google::rpc::Status rich = RichOf(end);
  for (const auto& detail : rich.details()) detail.UnpackTo(&out);
  return out.retry_delay().seconds();
}

class GrpcDispatcherTest : public ::testing::Test {
 protected:
  static Status Echo(GrpcMethodCall& call) {
    GRANARY_ASSIGN(const std::string request, call.Request());
    return call.messages.Write("echo of " + request);
  }
  static Status Overloaded(GrpcMethodCall& call) {
    call.error_metadata = {{"written", "3"}};
    return {Code::kOverloaded, "full: /secret/path"};
  }
  GrpcDispatcher Make(GrpcDispatcherOptions options) {
    options.service = "granary.v1.Test";
    options.methods = {{"Echo", Echo, true, net::HandlerLane::kPatient},
                       {"Overloaded", Overloaded},
                       {"HealthCheck", Echo, /*needs_access=*/false}};
    return GrpcDispatcher(Logger::Null(), clock_, metrics_, std::move(options));
  }
  net::GrpcEnd Call(const GrpcDispatcher& dispatcher, std::string path) {
    net::GrpcCall call;
    call.method = std::move(path);
    messages_ = {};
    return dispatcher.Handle(call, messages_);
  }

  testing::FakeClock clock_;
  Metrics metrics_{"1", {}};
  OneMessage messages_;
};

TEST_F(GrpcDispatcherTest, AMethodReadsItsMessageAndAnswers) {
  const GrpcDispatcher dispatcher = Make({});
  EXPECT_EQ(Call(dispatcher, "/granary.v1.Test/Echo").code, 0);
  EXPECT_EQ(messages_.written, "echo of request");
  EXPECT_NE(metrics_.Render({}).find("method=\"Echo\""), std::string::npos);
}

TEST_F(GrpcDispatcherTest, WhatIsNoMethodIsNamedAndALaterServiceToo) {
  const GrpcDispatcher dispatcher = Make({.later_services = {{"later.Service", "The later"}}});
  for (const char* path : {"/granary.v1.Test/echo", "/granary.v1.Test/", "/granary.v1.Tes/Echo",
                           "/granary.v1.TestEcho", "granary.v1.Test/Echo", "/", ""}) {
    const net::GrpcEnd end = Call(dispatcher, path);
    EXPECT_EQ(end.code, 12) << path;
    EXPECT_NE(end.message.find("the service is granary.v1.Test"), std::string::npos) << path;
    EXPECT_EQ(messages_.written, "") << path;
  }
  EXPECT_EQ(Call(dispatcher, "/later.Service/X").message,
            "The later is not offered by this version");
  EXPECT_NE(Call(dispatcher, "/later.ServiceX/X").message.find("there is no method"),
            std::string::npos);
}

TEST_F(GrpcDispatcherTest, WhoMayNotCallIsRefusedBeforeTheMessageIsRead) {
  const GrpcDispatcher dispatcher = Make({.check_access = [](const net::GrpcCall&) -> Access {
    return Status(Code::kUnauthenticated, "who are you");
  }});
  EXPECT_EQ(Call(dispatcher, "/granary.v1.Test/Echo").code, 16);
  EXPECT_EQ(messages_.message, "request");
  EXPECT_EQ(Call(dispatcher, "/granary.v1.Test/Nothing").code, 16) << "which methods there are";
  EXPECT_EQ(Call(dispatcher, "/granary.v1.Test/HealthCheck").code, 0);
}

TEST_F(GrpcDispatcherTest, AMethodKnowsWhoCalls) {
  GrpcDispatcherOptions options;
  options.check_access = [](const net::GrpcCall&) {
    Access access;
    access.who = std::make_shared<const std::string>("somebody");
    return access;
  };
  options.service = "s";
  std::string seen;
  options.methods = {{"Who", [&seen](GrpcMethodCall& call) {
                        seen = *static_cast<const std::string*>(call.who.get());
                        return Status::Ok();
                      }}};
  const GrpcDispatcher dispatcher(Logger::Null(), clock_, metrics_, std::move(options));
  EXPECT_EQ(Call(dispatcher, "/s/Who").code, 0);
  EXPECT_EQ(seen, "somebody");
}

TEST_F(GrpcDispatcherTest, AFailureIsToldAsTheServiceTellsItWithItsMetadataAndWhenToComeAgain) {
  GrpcDispatcherOptions options;
  options.told = [](const Status& failure) {
    return failure.ok() ? failure : Status(failure.code(), "full");
  };
  options.retry_after_seconds = [](const Status&, std::string_view method) -> std::int64_t {
    return method == "Overloaded" ? 7 : 2;
  };
  const GrpcDispatcher dispatcher = Make(std::move(options));
  const net::GrpcEnd end = Call(dispatcher, "/granary.v1.Test/Overloaded");
  EXPECT_EQ(end.code, 14);
  EXPECT_EQ(end.message, "full");
  EXPECT_EQ(InfoOf(end).reason(), "OVERLOADED");
  EXPECT_EQ(InfoOf(end).metadata().at("written"), "3");
  EXPECT_EQ(RetryOf(end), 7);
  const net::GrpcCall refused{.method = "/granary.v1.Test/Echo"};
  EXPECT_EQ(RetryOf(dispatcher.Refuse({Code::kOverloaded, "calls"}, refused)), 2);
}

TEST_F(GrpcDispatcherTest, ACallWithoutAMessageIsRefused) {
  const GrpcDispatcher dispatcher = Make({});
  net::GrpcCall call;
  call.method = "/granary.v1.Test/Echo";
  messages_.message = std::nullopt;
  EXPECT_EQ(dispatcher.Handle(call, messages_).code, 3);
}

TEST_F(GrpcDispatcherTest, OnlyWhatNeedsNoAccessOrIsNoMethodIsUrgent) {
  const GrpcDispatcher dispatcher = Make({});
  EXPECT_EQ(dispatcher.LaneOf("/granary.v1.Test/Echo"), net::HandlerLane::kPatient);
  EXPECT_EQ(dispatcher.LaneOf("/granary.v1.Test/Overloaded"), net::HandlerLane::kOrdinary);
  EXPECT_EQ(dispatcher.LaneOf("/granary.v1.Test/HealthCheck"), net::HandlerLane::kUrgent);
  EXPECT_EQ(dispatcher.LaneOf("/granary.v1.Test/Nothing"), net::HandlerLane::kUrgent);
}

}  // namespace
}  // namespace granary::hosting
