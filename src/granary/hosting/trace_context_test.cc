#include "granary/hosting/trace_context.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

std::string IdOf(std::string_view traceparent) {
  net::Headers headers;
  headers.Set("traceparent", traceparent);
  return TraceIdOf(headers);
}

TEST(TraceContextTest, ReadsTheTraceIdOfAWellFormedHeader) {
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_EQ(IdOf(good), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(TraceIdOf({}), "");
  for (const std::string& bad :
       {good + "0", good.substr(1), "ff" + good.substr(2),
        "00-" + std::string(32, '0') + good.substr(35), "00x" + good.substr(3)}) {
    EXPECT_EQ(IdOf(bad), "") << bad;
  }
}

}  // namespace
}  // namespace granary::hosting
