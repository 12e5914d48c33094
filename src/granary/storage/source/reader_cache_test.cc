// Goal: open files are counted, given back to whoever needs memory, and never more than allowed.
#include "granary/storage/source/reader_cache.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

struct FakeReader {
  std::uint64_t bytes = 0;
  std::uint64_t memory_bytes() const { return bytes; }
};

class ReaderCacheTest : public ::testing::Test {
 protected:
  using Cache = ReaderCache<int, FakeReader>;

  void Open(Cache& cache, int key, std::uint64_t bytes = 100) {
    const auto got = cache.Get(key, [&]() -> Result<Cache::ReaderPtr> {
      ++opened_;
      return std::make_shared<const FakeReader>(FakeReader{bytes});
    });
    EXPECT_TRUE(got.ok());
  }

  int opened_ = 0;
  runtime::MemoryBudget process_{"process", 1000};
  runtime::MemoryBudget files_{"files", 500, &process_};
};

TEST_F(ReaderCacheTest, OpensAFileOnceAndCountsIt) {
  {
    Cache cache(10, files_);
    Open(cache, 1);
    Open(cache, 1);
    EXPECT_EQ(opened_, 1);
    EXPECT_EQ(process_.reserved(), 100u);
    cache.Forget(1);
    EXPECT_EQ(process_.reserved(), 0u);
    Open(cache, 1);
    EXPECT_EQ(opened_, 2);
  }
  EXPECT_EQ(process_.reserved(), 0u);
}

TEST_F(ReaderCacheTest, TheLeastRecentlyUsedGoesPastTheNumberAndPastTheBytes) {
  Cache few(2, files_);
  for (const int key : {1, 2, 1, 3}) Open(few, key);
  EXPECT_EQ(few.Peek(2), nullptr);
  EXPECT_NE(few.Peek(1), nullptr);
  EXPECT_EQ(files_.reserved(), 200u);
  Cache wide(10, files_);
  for (const int key : {1, 2, 3, 4}) Open(wide, key);
  EXPECT_EQ(wide.Peek(1), nullptr);
  EXPECT_NE(wide.Peek(4), nullptr);
  EXPECT_EQ(files_.reserved(), 500u);
}

TEST_F(ReaderCacheTest, GivesBackToWhoeverNeedsMemory) {
  Cache cache(10, files_);
  for (const int key : {1, 2, 3, 4}) Open(cache, key);
  process_.Add(500);
  EXPECT_EQ(process_.TryReserve(150), nullptr);
  EXPECT_EQ(cache.Peek(1), nullptr);
  EXPECT_EQ(cache.Peek(2), nullptr);
  EXPECT_NE(cache.Peek(3), nullptr);
  EXPECT_EQ(files_.reserved(), 200u);
  process_.Release(650);
}

TEST_F(ReaderCacheTest, AFewStayOpenWhateverOthersHold) {
  process_.Add(1000);
  {
    Cache cache(10, files_);
    for (const int key : {1, 2, 1, 2}) Open(cache, key);
    EXPECT_EQ(opened_, 2);
    Open(cache, 3);  // Is read and closed.
    EXPECT_EQ(cache.Peek(3), nullptr);
    EXPECT_EQ(files_.reserved(), Cache::kAlwaysOpen * 100);
  }
  process_.Release(1000);
}

}  // namespace
}  // namespace granary::storage
