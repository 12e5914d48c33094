#include "granary/hosting/server_options.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

TEST(OwnUrlTest, IsWhereTheServiceListens) {
  const auto url = [](std::string host) {
    ServerConfig config;
    config.rest_host = std::move(host);
    return OwnUrl(config, 8000);
  };
  EXPECT_EQ(url("0.0.0.0"), "http://127.0.0.1:8000");
  EXPECT_EQ(url("::"), "http://[::1]:8000");
  EXPECT_EQ(url("10.0.0.7"), "http://10.0.0.7:8000");
  EXPECT_EQ(url("fe80::1"), "http://[fe80::1]:8000");
  EXPECT_EQ(url("localhost"), "http://localhost:8000");
}

}  // namespace
}  // namespace granary::hosting
