// Goal: the first of some items in order, however many there are and are wanted, until cancelled.
#include "granary/query/exec/best_of.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "granary/testing/seed.h"

namespace granary::query {
namespace {

TEST(BestOfTest, AreTheFirstOfAllSorted) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kBestOfRun - 1, kBestOfRun,
                                 kBestOfRun + 1, 5 * kBestOfRun + 7}) {
    for (const std::size_t count :
         {std::size_t{0}, std::size_t{1}, std::size_t{100}, size / 2, size, size + 1}) {
      std::vector<std::uint64_t> all;
      for (std::size_t i = 0; i < size; ++i) all.push_back(random() % 1000 << 32 | i);
      std::vector<std::uint64_t> expected = all;
      std::sort(expected.begin(), expected.end(), std::greater<>());
      expected.resize(std::min(count, size));
      const auto got = BestOf(all, count, std::greater<>(), runtime::CancelToken());
      ASSERT_TRUE(got.ok());
      EXPECT_EQ(*got, expected) << size << " " << count;
    }
  }
}

TEST(BestOfTest, LooksAtTheTokenBetweenRunsAndWhileTheyMerge) {
  std::vector<int> all;
  for (std::size_t i = 0; i < 4 * kBestOfRun; ++i) all.push_back(static_cast<int>(i * 7919 % 9973));
  for (const std::size_t compared_before : {std::size_t{0}, kBestOfRun}) {
    runtime::CancelToken cancel;
    std::size_t compared = 0;
    std::vector<int> some = all;
    const auto less = [&](int a, int b) {
      if (compared++ == compared_before) cancel.Cancel();
      return a < b;
    };
    EXPECT_EQ(BestOf(some, some.size(), less, cancel).status().code(), Code::kCancelled);
    EXPECT_LT(compared, compared_before + kBestOfRun * 20);  // A run's sort.
  }
}

}  // namespace
}  // namespace granary::query
