#include "granary/runtime/thread_wait.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <thread>
#include <vector>

namespace granary::runtime {
namespace {

TEST(ThreadWaitTest, ThreadsThatShareACpuWaitForIt) {
  const auto before = CpuWaitOf(OwnThreadNumber());
  if (!before) GTEST_SKIP() << "this kernel does not count it";
  std::atomic<bool> over = false;
  std::atomic<std::int64_t> waited_ns = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(0, &one);
      if (::sched_setaffinity(0, sizeof(one), &one) != 0) over = true;  // CPU 0 is not ours.
      while (!over && waited_ns == 0) waited_ns = *CpuWaitOf(OwnThreadNumber());
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (over) GTEST_SKIP() << "CPU 0 is not ours";
  EXPECT_GT(waited_ns, 0);
}

TEST(ThreadWaitTest, AThreadThatIsNoMoreHasNoAnswer) { EXPECT_FALSE(CpuWaitOf(0)); }

}  // namespace
}  // namespace granary::runtime
