#include "granary/runtime/cancel.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "granary/io/clock.h"

namespace granary::runtime {
namespace {

TEST(CancelTokenTest, IsNeverCancelledByItself) {
  const CancelToken token;
  EXPECT_TRUE(token.Check().ok());
  EXPECT_FALSE(token.cancelled());
  EXPECT_FALSE(token.deadline_ns().has_value());
}

TEST(CancelTokenTest, CopiesShareOneState) {
  CancelToken token;
  const CancelToken copy = token;
  std::thread([token]() mutable { token.Cancel(); }).join();
  EXPECT_TRUE(copy.cancelled());
  EXPECT_EQ(copy.Check().code(), Code::kCancelled);
}

TEST(CancelTokenTest, APassedDeadlineCancels) {
  const std::int64_t now = io::SystemClock().MonotonicNanos();
  const CancelToken token(now);
  EXPECT_TRUE(token.cancelled());
  EXPECT_EQ(token.Check().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(token.deadline_ns(), now);
}

TEST(CancelTokenTest, AFutureDeadlineDoesNotCancelAndACallerStillCan) {
  CancelToken token(std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE(token.Check().ok());
  token.Cancel();
  EXPECT_EQ(token.Check().code(), Code::kCancelled);
}

}  // namespace
}  // namespace granary::runtime
