#include "granary/services/auth_gateway/stream_places.h"

#include <vector>

#include <gtest/gtest.h>

namespace granary::gateway {
namespace {

TEST(StreamPlacesTest, OneTenantHoldsAsManyAsItLeaves) {
  for (const std::size_t most : {1u, 2u, 3u, 4u, 32u}) {
    StreamPlaces places(most);
    std::vector<StreamPlaces::Place> held;
    for (;;) {
      auto place = places.Take("acme");
      if (!place.ok()) {
        EXPECT_EQ(place.status().code(), Code::kOverloaded);
        break;
      }
      held.push_back(place.Take());
    }
    EXPECT_EQ(held.size(), (most + 1) / 2);
    EXPECT_EQ(places.Take("globex").ok(), most > 1) << "another one finds a place";
    held.pop_back();
    EXPECT_TRUE(places.Take("acme").ok()) << "what was given back is there";
  }
}

// However many hold all that they may, the next one has a place while there is one at all.
TEST(StreamPlacesTest, NewTenantsAreServedToTheLastPlace) {
  StreamPlaces places(32);
  std::vector<StreamPlaces::Place> held;
  std::size_t tenants = 0;
  for (; held.size() < 32; ++tenants) {
    const std::size_t before = held.size();
    for (;;) {
      auto place = places.Take(std::to_string(tenants));
      if (!place.ok()) break;
      held.push_back(place.Take());
    }
    ASSERT_GT(held.size(), before);
  }
  EXPECT_GE(tenants, 5u);
  EXPECT_FALSE(places.Take("one more").ok());
  held.clear();
  EXPECT_TRUE(places.Take("one more").ok());
}

}  // namespace
}  // namespace granary::gateway
