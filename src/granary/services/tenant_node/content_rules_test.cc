#include "granary/services/tenant_node/content_rules.h"

#include <gtest/gtest.h>

#include "granary/services/tenant_node/access_guard.h"
#include "granary/services/tenant_node/trace_context.h"

namespace granary::services {
namespace {

net::HttpRequest With(std::string_view name, std::string_view value) {
  net::HttpRequest request;
  request.headers.Set(name, value);
  return request;
}

TEST(ContentRulesTest, TakesJsonOnly) {
  EXPECT_TRUE(CheckJsonBody({}).ok());
  for (const char* good : {"application/json", "Application/JSON; charset=UTF-8",
                           "application/json;charset=\"utf-8\""}) {
    EXPECT_TRUE(CheckJsonBody(With("Content-Type", good)).ok()) << good;
  }
  for (const char* bad : {"text/plain", "application/x-www-form-urlencoded", "", "json",
                          "application/json; charset=latin1"}) {
    EXPECT_EQ(CheckJsonBody(With("Content-Type", bad)).code(), Code::kUnsupportedMediaType) << bad;
  }
}

TEST(ContentRulesTest, NamesTheFormatsThatComeLater) {
  for (const char* later :
       {"application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet"}) {
    EXPECT_EQ(CheckJsonBody(With("Content-Type", later), true).code(), Code::kUnsupported) << later;
    EXPECT_EQ(CheckJsonBody(With("Content-Type", later)).code(), Code::kUnsupportedMediaType)
        << later;
  }
  EXPECT_EQ(CheckJsonBody(With("Content-Encoding", "gzip")).code(), Code::kUnsupported);
  EXPECT_TRUE(CheckJsonBody(With("Content-Encoding", "identity")).ok());
}

TEST(ContentRulesTest, StreamsNdjsonToWhoeverTakesIt) {
  EXPECT_TRUE(CheckStreamAccept({}).ok());
  for (const char* good : {"*/*", "application/x-ndjson", "text/csv, application/x-ndjson;q=0.5",
                           "text/html, */*;q=0.1", "application/*"}) {
    EXPECT_TRUE(CheckStreamAccept(With("Accept", good)).ok()) << good;
  }
  for (const char* later : {"text/csv", "application/vnd.apache.arrow.stream", "text/event-stream",
                            "application/json"}) {
    const Status status = CheckStreamAccept(With("Accept", later));
    EXPECT_EQ(status.code(), Code::kUnsupported) << later;
    EXPECT_NE(status.message().find(later), std::string::npos);
  }
}

TEST(AccessGuardTest, AnswersOnlyItsOwnMachineUnlessToldOtherwise) {
  net::HttpRequest request;
  EXPECT_EQ(CheckAccess(request, false).code(), Code::kUnauthenticated);
  EXPECT_TRUE(CheckAccess(request, true).ok());
  request.peer_is_loopback = true;
  EXPECT_TRUE(CheckAccess(request, false).ok());
}

TEST(TraceContextTest, ReadsTheTraceIdOfAWellFormedHeader) {
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_EQ(TraceIdOf(With("traceparent", good).headers), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(TraceIdOf({}), "");
  for (std::string bad : {good + "0", good.substr(1), "ff" + good.substr(2),
                          "00-" + std::string(32, '0') + good.substr(35), "00x" + good.substr(3)}) {
    EXPECT_EQ(TraceIdOf(With("traceparent", bad).headers), "") << bad;
  }
}

}  // namespace
}  // namespace granary::services
