#include "granary/services/tenant_node/process_memory.h"

#include <gtest/gtest.h>

#include <atomic>

namespace granary::services {
namespace {

TEST(ProcessMemoryTest, WhatNobodyReservedTakesItsPartOfTheLimit) {
  std::atomic<std::uint64_t> resident = 60;
  ProcessMemory memory(100, [&] { return resident.load(); });
  EXPECT_EQ(memory.others().reserved(), 60u);
  EXPECT_EQ(memory.bodies().TryReserve(41), &memory.all());
  EXPECT_EQ(memory.bodies().TryReserve(40), nullptr);

  resident = 100;  // The body has arrived: all is accounted for.
  memory.Look();
  EXPECT_EQ(memory.others().reserved(), 60u);
  EXPECT_EQ(memory.all().reserved(), 100u);

  memory.bodies().Release(40);  // Freed, but the allocator keeps it for a while.
  memory.Look();
  EXPECT_EQ(memory.others().reserved(), 100u);
  EXPECT_EQ(memory.bodies().TryReserve(1), &memory.all());

  resident = 60;
  memory.Look();
  EXPECT_EQ(memory.bodies().TryReserve(40), nullptr);
  memory.bodies().Release(40);
}

TEST(ProcessMemoryTest, ReservedAndNotYetTouchedIsNotCountedTwice) {
  ProcessMemory memory(100, [] { return std::uint64_t{10}; });
  EXPECT_EQ(memory.bodies().TryReserve(50), nullptr);
  memory.Look();
  EXPECT_EQ(memory.others().reserved(), 0u);  // 10 are resident, 50 are spoken for.
  EXPECT_EQ(memory.all().reserved(), 50u);
  memory.bodies().Release(50);
}

}  // namespace
}  // namespace granary::services
