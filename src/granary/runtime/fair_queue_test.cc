#include "granary/runtime/fair_queue.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "granary/testing/seed.h"

namespace granary::runtime {
namespace {

// `places` at once; whoever waits brings turns that take as long as they like.
class Simulation {
 public:
  explicit Simulation(std::size_t places) : places_(places) {}

  void Add(FairKey key, double mean_cost) {
    keys_.push_back({std::move(key), mean_cost});
    waiting_.push_back(0);
  }
  /// So many more of the key wait.
  void Bring(std::size_t key, std::size_t count) {
    waiting_[key] += count;
    for (; count > 0; --count) {
      tickets_.push_back(std::make_unique<std::size_t>(key));
      queue_.Push(keys_[key].key, tickets_.back().get());
    }
  }
  void Run(double time, std::mt19937_64& random) {
    for (const double until = now_ + time; now_ < until;) {
      while (running_.size() < places_) {
        const auto* ticket = static_cast<std::size_t*>(queue_.Pop());
        if (ticket == nullptr) break;
        const std::size_t key = *ticket;
        --waiting_[key];
        const double cost =
            keys_[key].mean_cost * (0.1 + 1.8 * static_cast<double>(random() % 1000) / 1000);
        running_.emplace(now_ + cost, Turn{key, queue_.Begin(keys_[key].key), cost});
        got_[key] += cost;
        ++turns_[key];
      }
      if (running_.empty()) return;
      const auto [end, turn] = *running_.begin();
      running_.erase(running_.begin());
      now_ = end;
      queue_.End(keys_[turn.key].key, turn.charged, turn.cost);
    }
  }
  double got(std::size_t key) { return got_[key]; }
  std::size_t turns(std::size_t key) { return turns_[key]; }
  std::size_t waiting(std::size_t key) const { return waiting_[key]; }
  const FairQueue& queue() const { return queue_; }

 private:
  struct Key {
    FairKey key;
    double mean_cost;
  };
  struct Turn {
    std::size_t key;
    double charged, cost;
  };
  const std::size_t places_;
  FairQueue queue_;
  std::vector<Key> keys_;
  std::vector<std::size_t> waiting_;
  std::vector<std::unique_ptr<std::size_t>> tickets_;
  std::multimap<double, Turn> running_;
  std::map<std::size_t, double> got_;
  std::map<std::size_t, std::size_t> turns_;
  double now_ = 0;
};

TEST(FairQueueTest, WithinAKeyWhoCameFirst) {
  FairQueue queue;
  int a = 0, b = 0, c = 0;
  queue.Push({"x"}, &a);
  queue.Push({"x"}, &b);
  queue.Push({"x"}, &c);
  queue.Remove({"x"}, &b);
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Pop(), &a);
  EXPECT_EQ(queue.Pop(), &c);
  EXPECT_EQ(queue.Pop(), nullptr);
  queue.Remove({"nobody"}, &a);
}

TEST(FairQueueTest, SharesFollowTheWeightsWhateverTurnsCost) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  for (int round = 0; round < 20; ++round) {
    Simulation simulation(1 + random() % 10);
    double weights = 0;
    const double all[] = {1, 2, 5};
    for (std::size_t key = 0; key < 3; ++key) {
      weights += all[key];
      simulation.Add({std::to_string(key), all[key]}, key == round % 3u ? 500 : 5);
      simulation.Bring(key, 60'000);
    }
    simulation.Run(20'000, random);
    const double sum = simulation.got(0) + simulation.got(1) + simulation.got(2);
    for (std::size_t key = 0; key < 3; ++key) {
      ASSERT_GT(simulation.waiting(key), 0u) << "the load was too small to tell";
      EXPECT_NEAR(simulation.got(key) / sum, all[key] / weights, 0.1)
          << "key " << key << " of round " << round;
    }
  }
}

TEST(FairQueueTest, NobodyStarvesUnderRandomLoads) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  for (int round = 0; round < 50; ++round) {
    Simulation simulation(1 + random() % 4);
    const std::size_t keys = 2 + random() % 20;
    for (std::size_t key = 0; key < keys; ++key)
      simulation.Add({std::to_string(key), 0.1 + static_cast<double>(random() % 100) / 10},
                     1 + static_cast<double>(random() % 100));
    for (int step = 0; step < 100; ++step) {
      for (std::size_t key = 1; key < keys; ++key)
        if (random() % 3 == 0) simulation.Bring(key, random() % 50);
      // The first brings one at a time: it comes on however much the others bring.
      const std::size_t before = simulation.turns(0);
      simulation.Bring(0, 1);
      for (int tries = 0; simulation.turns(0) == before; ++tries) {
        ASSERT_LT(tries, 200) << "round " << round << " step " << step;
        simulation.Run(100, random);
      }
    }
  }
}

TEST(FairQueueTest, WhoWasAwayHasSavedNothingUp) {
  std::mt19937_64 random(1);
  Simulation simulation(1);
  simulation.Add({"busy"}, 10);
  simulation.Add({"away"}, 10);
  simulation.Bring(0, 10'000);
  simulation.Run(20'000, random);
  const double before = simulation.got(0);
  simulation.Bring(1, 10'000);
  simulation.Run(20'000, random);
  EXPECT_NEAR(simulation.got(1), simulation.got(0) - before, 200);
}

TEST(FairQueueTest, WeightsThatMakeNoSenseAreTheLeast) {
  const double nan = std::nan("");
  for (const double bad : {0.0, -5.0, nan, std::numeric_limits<double>::infinity()}) {
    std::mt19937_64 random(1);
    Simulation simulation(1);
    simulation.Add({"good", 1}, 10);
    simulation.Add({"bad", bad}, 10);
    simulation.Bring(0, 5'000);
    simulation.Bring(1, 5'000);
    simulation.Run(10'000, random);
    EXPECT_GT(simulation.got(0), 0.9 * 10'000) << bad;
    EXPECT_GE(simulation.turns(1), 1u) << bad;
  }
}

TEST(FairQueueTest, KeysThatAreGoneAreForgotten) {
  std::mt19937_64 random(1);
  Simulation simulation(2);
  for (std::size_t key = 0; key < 10'000; ++key) {
    simulation.Add({std::to_string(key)}, 1);
    simulation.Bring(key, 1);
    simulation.Run(10, random);
  }
  EXPECT_LT(simulation.queue().keys(), 200u);
}

}  // namespace
}  // namespace granary::runtime
