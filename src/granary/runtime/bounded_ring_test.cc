// Goal: nothing that was taken in is lost or doubled, and nobody waits.
#include "granary/runtime/bounded_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace granary::runtime {
namespace {

TEST(BoundedRingTest, RefusesWhatIsOneMoreThanItHolds) {
  BoundedRing<int> ring(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.TryPush(std::move(i)));
  int more = 4;
  EXPECT_FALSE(ring.TryPush(std::move(more)));
  EXPECT_EQ(ring.refused(), 1u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ring.TryPop(), i);
  EXPECT_EQ(ring.TryPop(), std::nullopt);
  EXPECT_TRUE(ring.TryPush(5));
  EXPECT_EQ(ring.TryPop(), 5);
}

TEST(BoundedRingTest, LetsGoOfWhatItGaveAway) {
  BoundedRing<std::shared_ptr<int>> ring(2);
  auto value = std::make_shared<int>(7);
  EXPECT_TRUE(ring.TryPush(std::shared_ptr<int>(value)));
  ring.TryPop();
  EXPECT_EQ(value.use_count(), 1);
}

TEST(BoundedRingTest, ManyPushAndPopAtOnceAndEachValueArrivesOnce) {
  constexpr int kThreads = 3, kEach = 20'000;
  BoundedRing<int> ring(64);
  std::atomic<int> left = kThreads;
  std::vector<std::thread> pushers;
  for (int t = 0; t < kThreads; ++t) {
    pushers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        int value = t * kEach + i;
        while (!ring.TryPush(std::move(value))) std::this_thread::yield();
      }
      --left;
    });
  }
  std::vector<int> seen(kThreads * kEach);
  std::vector<int> newest(kThreads, -1);
  for (;;) {
    const bool was_last = left == 0;
    const auto value = ring.TryPop();
    if (!value && was_last) break;
    if (!value) continue;
    ++seen[static_cast<std::size_t>(*value)];
    int& before = newest[static_cast<std::size_t>(*value / kEach)];
    EXPECT_LT(before, *value);  // In the order of each pusher.
    before = *value;
  }
  for (std::thread& pusher : pushers) pusher.join();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), kThreads * kEach);
}

}  // namespace
}  // namespace granary::runtime
