#include "granary/services/tenant_node/process_memory.h"

#include <gtest/gtest.h>

#include <atomic>

namespace granary::services {
namespace {

TEST(ProcessMemoryTest, AnEighthOfTheLimitIsNeverGranted) {
  ProcessMemory memory(800, [] { return std::uint64_t{0}; });
  EXPECT_EQ(memory.limit(), 800u);
  EXPECT_EQ(memory.bodies().TryReserve(701), &memory.all());
  EXPECT_EQ(memory.bodies().TryReserve(699), nullptr);
  EXPECT_EQ(memory.bodies().TryReserve(1), nullptr);
  EXPECT_EQ(memory.bodies().TryReserve(1), &memory.all());
  memory.bodies().Release(700);
}

TEST(ProcessMemoryTest, WhatNobodyReservedTakesItsPartOfTheLimit) {
  std::atomic<std::uint64_t> resident = 500;
  ProcessMemory memory(800, [&] { return resident.load(); });
  EXPECT_EQ(memory.others().reserved(), 500u);
  EXPECT_EQ(memory.bodies().TryReserve(201), &memory.all());
  EXPECT_EQ(memory.bodies().TryReserve(200), nullptr);

  resident = 700;  // The body has arrived: all is accounted for.
  memory.Look();
  EXPECT_EQ(memory.others().reserved(), 500u);
  EXPECT_EQ(memory.all().reserved(), 700u);

  memory.bodies().Release(200);  // Freed, but the allocator keeps it for a while.
  memory.Look();
  EXPECT_EQ(memory.others().reserved(), 700u);
  EXPECT_EQ(memory.bodies().TryReserve(1), &memory.all());

  resident = 500;
  memory.Look();
  EXPECT_EQ(memory.bodies().TryReserve(200), nullptr);
  memory.bodies().Release(200);
}

TEST(ProcessMemoryTest, ReservedAndNotYetTouchedIsNotCountedTwice) {
  ProcessMemory memory(800, [] { return std::uint64_t{10}; });
  EXPECT_EQ(memory.bodies().TryReserve(50), nullptr);
  memory.Look();
  EXPECT_EQ(memory.others().reserved(), 0u);  // 10 are resident, 50 are spoken for.
  EXPECT_EQ(memory.all().reserved(), 50u);
  memory.bodies().Release(50);
}

TEST(ProcessMemoryTest, WhatTheProgramTakesForItselfIsNoRoomForAnybody) {
  std::atomic<std::uint64_t> resident = 100;  // Not all of it is there yet.
  ProcessMemory memory(800, [&] { return resident.load(); });
  EXPECT_EQ(memory.bodies().room(), 700u);
  resident = 300;
  memory.Settle();
  memory.Look();
  EXPECT_EQ(memory.bodies().room(), 400u);
  resident = 500;  // Somebody works.
  memory.Look();
  EXPECT_EQ(memory.bodies().room(), 400u);
}

TEST(ProcessMemoryTest, TheAllocatorGivesBackWhereLittleIsLeft) {
  std::atomic<std::uint64_t> resident = 500, kept = 0;
  ProcessMemory memory(
      800, [&] { return resident.load() + kept.load(); }, [&] { kept = 0; });
  kept = 0;
  memory.Look();
  EXPECT_EQ(memory.others().reserved(), 500u);
  resident = 450;
  kept = 50;  // 500: a quarter of the limit is left of what can be granted.
  memory.Look();
  EXPECT_EQ(kept, 50u);
  kept = 51;
  memory.Look();
  EXPECT_EQ(kept, 0u);
  EXPECT_EQ(memory.others().reserved(), 450u);
}

}  // namespace
}  // namespace granary::services
