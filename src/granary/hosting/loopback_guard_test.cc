#include "granary/hosting/loopback_guard.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

TEST(LoopbackGuardTest, AnswersOnlyItsOwnMachineUnlessToldOtherwise) {
  ServerConfig closed, open, vouched;
  open.allow_anonymous = true;
  vouched.tls_client_ca_file = "ca.pem";
  EXPECT_EQ(CheckPeer(false, closed).code(), Code::kUnauthenticated);
  EXPECT_TRUE(CheckPeer(true, closed).ok());
  EXPECT_TRUE(CheckPeer(false, open).ok());
  EXPECT_TRUE(CheckPeer(false, vouched).ok());
}

}  // namespace
}  // namespace granary::hosting
