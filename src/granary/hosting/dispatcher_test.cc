#include "granary/hosting/dispatcher.h"

#include <gtest/gtest.h>

#include "granary/testing/fake_clock.h"

namespace granary::hosting {
namespace {

// Who may call is looked at in the same lane, and that may ask another service.
TEST(DispatcherTest, OnlyWhatNeedsNoAccessOrSaysSoIsUrgent) {
  Router router;
  router.Add({.method = "GET", .pattern = "/health", .handler = {}, .needs_access = false});
  router.Add({.method = "GET", .pattern = "/sources", .handler = {}});
  router.Add(
      {.method = "GET", .pattern = "/queries", .handler = {}, .lane = net::HandlerLane::kUrgent});
  router.Add({.method = "POST",
              .pattern = "/data/search",
              .handler = {},
              .lane = net::HandlerLane::kPatient});
  testing::FakeClock clock;
  Metrics metrics("1", {});
  const Dispatcher dispatcher(Logger::Null(), clock, metrics, std::move(router), {});
  const auto lane_of = [&](std::string method, std::string path) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    return dispatcher.LaneOf(request);
  };
  EXPECT_EQ(lane_of("GET", "/health"), net::HandlerLane::kUrgent);
  EXPECT_EQ(lane_of("GET", "/queries"), net::HandlerLane::kUrgent);
  EXPECT_EQ(lane_of("GET", "/sources"), net::HandlerLane::kOrdinary);
  EXPECT_EQ(lane_of("POST", "/data/search"), net::HandlerLane::kPatient);
  EXPECT_EQ(lane_of("GET", "/nothing"), net::HandlerLane::kOrdinary);
  EXPECT_EQ(lane_of("PUT", "/sources"), net::HandlerLane::kOrdinary);
}

}  // namespace
}  // namespace granary::hosting
