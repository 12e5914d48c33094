#include "granary/hosting/loopback_guard.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

net::Headers HeadersOf(std::initializer_list<std::pair<std::string, std::string>> headers) {
  net::Headers out;
  for (const auto& [name, value] : headers) out.Set(name, value);
  return out;
}

TEST(LoopbackGuardTest, AnswersOnlyItsOwnMachineUnlessToldOtherwise) {
  ServerConfig closed, open, vouched;
  open.allow_anonymous = true;
  vouched.tls_client_ca_file = "ca.pem";
  EXPECT_EQ(CheckPeer(false, closed).code(), Code::kUnauthenticated);
  EXPECT_TRUE(CheckPeer(true, closed).ok());
  EXPECT_TRUE(CheckPeer(false, open).ok());
  EXPECT_TRUE(CheckPeer(false, vouched).ok());
}

TEST(LoopbackGuardTest, WebPagesShowACredential) {
  for (const char* host :
       {"localhost:8084", "127.0.0.1:8084", "[::1]:8084", "localhost", "127.8.8.8"})
    EXPECT_TRUE(CheckNotBrowser(HeadersOf({{"Host", host}})).ok()) << host;
  EXPECT_TRUE(CheckNotBrowser(HeadersOf({})).ok()) << "HTTP/1.0";
  for (const char* host : {"evil.example:8084", "localhost.evil.example", "127.evil", "[::2]:1", "",
                           "[", ":8084", "127.0.0.1.evil.example"}) {
    EXPECT_EQ(CheckNotBrowser(HeadersOf({{"Host", host}})).code(), Code::kUnauthenticated) << host;
  }
  EXPECT_EQ(
      CheckNotBrowser(HeadersOf({{"Host", "localhost"}, {"Origin", "http://evil.example"}})).code(),
      Code::kUnauthenticated);
  EXPECT_EQ(CheckNotBrowser(HeadersOf({{"Host", "localhost"}, {"Origin", "null"}})).code(),
            Code::kUnauthenticated);
}

}  // namespace
}  // namespace granary::hosting
